package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
)

// Only an answer signed by Alipay counts, and a failure of Alipay changes nothing.
func TestResetTrustsOnlyAlipay(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen(withStory("face_fails"))
	p := h.linkedClient(c)
	for _, fault := range []string{"error", "html", "html_502", "unsigned", "bad_signature", "other_app", "null_body", "truncated"} {
		must(t, h.sim.Fault(fault, 1))
		p.post("/v1/password/resets", m{}).want(t, "ALIPAY_UNAVAILABLE")
	}
	if n := h.count(`SELECT (SELECT count(*) FROM resets) + (SELECT coalesce(sum(count), 0) FROM daily_counts)`); n != 0 {
		t.Fatalf("%d rows of resets that Alipay did not start", n)
	}
	path, certifyID := p.openReset()
	for _, fault := range []string{"duplicate_root", "unsigned", "bad_signature", "other_app", "other_root", "error"} {
		for _, pass := range []bool{false, true} { // an unsigned pass does not count
			must(t, h.sim.Certify(certifyID, &pass))
			must(t, h.sim.Fault(fault, 2))
			p.get(path).want(t, "ALIPAY_UNAVAILABLE")
			p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "ALIPAY_UNAVAILABLE")
		}
	}
	no := false
	must(t, h.sim.Certify(certifyID, &no))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	if n := h.count(`SELECT count(*) FROM resets WHERE state = 'started'`); n != 1 {
		t.Errorf("%d resets are started", n)
	}
	p.knows(c, c.Password)
}

// Each kind of document is verified by its Alipay product, or refused if there is none.
func TestResetByDocument(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone)) // certdoc does not compare permits
	permit := h.citizen(func(c *citizen) { c.IDNumber = permitNumber() })
	p := h.linkedClient(permit)
	path, certifyID := p.openReset()
	if n := h.sim.Calls("datadigital.fincloud.generalsaas.face.verification.initialize"); n != 1 || h.sim.Calls(initialize) != 0 {
		t.Errorf("face verification was asked %d times", n)
	}
	must(t, h.sim.Certify(certifyID, nil))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "IDENTITY_NOT_PROVEN")
	yes := true
	must(t, h.sim.Certify(certifyID, &yes))
	p.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")

	told := func(p *client, want bool) {
		t.Helper()
		if got := p.get("/v1/password").get(t, "reset_offered"); got != want {
			t.Errorf("reset_offered is %v, want %v", got, want)
		}
	}
	told(p, true)
	passport := h.citizen(func(c *citizen) { c.IDType, c.IDNumber = "03", "E99"+c.AccountNo[6:] })
	p = h.linkedClient(passport)
	p.post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	told(p, false)

	off := newEnv(t, withReset(selfservice.ResetOff))
	p = off.linkedClient(off.citizen())
	p.post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	told(p, false)
	if off.sim.Calls(initialize) != 0 || off.count(`SELECT count(*) FROM daily_counts`) != 0 {
		t.Error("a reset that is switched off was asked for or counted")
	}
	if _, err := New(Config{DB: h.db, Alipay: h.server.Alipay, Policy: h.server.Policy, Hasher: h.server.Hasher, Proof: selfservice.ProofNone, Reset: "sms"}); err == nil {
		t.Error("an unknown reset proof was accepted")
	}
}

// permitNumber returns an invented residence permit of Hong Kong.
func permitNumber() string {
	body := "81009919560307001"
	return body + document.CheckDigit(body)
}

// If Alipay refuses, for example without a contract, the citizen is referred to the counter,
// and the log states the cause.
func TestResetRefusedByAlipay(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	keyring, err := keys.NewAlipayKeyring(h.appID, other, []keys.AlipayKey{{Public: h.sim.AlipayKey(), Source: "sim"}})
	must(t, err)
	must(t, h.server.Alipay.Replace(keyring))
	p.post("/v1/password/resets", m{}).want(t, "RESET_UNAVAILABLE")
	if !strings.Contains(h.logs.String(), "isv.invalid-signature") {
		t.Error("the log does not state the reason")
	}
	if n := h.count(`SELECT count(*) FROM resets`); n != 0 {
		t.Errorf("%d resets", n)
	}
}
