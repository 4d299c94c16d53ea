package httpapi_test

import (
	"strings"
	"testing"

	"fundpass/miniapp-api/selfservice"
)

// Alipay verifies the form's name unless it equals the record's; otherwise the answer would
// reveal that the number is known.
func TestAlipayIsAskedOfTheForm(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	misspelt := c
	misspelt.Name = "欧阳别人"
	h.logIn(h.citizen()).recover(misspelt)
	asked := h.sim.Messages()
	if last := string(asked[len(asked)-1].Content); !strings.Contains(last, misspelt.Name) || strings.Contains(last, c.Name) {
		t.Errorf("asked of %s", last)
	}
}

// A consent withdrawn during the verification is missing at the confirm.
func TestConsentWithdrawnMeanwhile(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,face"))
	c := h.citizen()
	p := h.logIn(c)
	path := p.recover(c)
	p.withdraw(selfservice.PurposeFace).want(t, "OK")
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "CONSENT_REQUIRED")
	p.get("/v1/link").want(t, "NOT_LINKED")
}

// An Idempotency-Key applies to one path.
func TestKeyOfAnotherPath(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-70"), key("k")).want(t, "OK")
	path, _ := p.openReset()
	p.post(path+"/confirm", twice("Copper-Kettle-70"), key("k")).want(t, "IDEMPOTENCY_KEY_REUSED")
}
