package httpapi_test

import (
	"fmt"
	"testing"
)

// templateIf returns a template if messages are sent.
func templateIf(sent bool) string {
	if sent {
		return "notice"
	}
	return ""
}

// subscribe reports that the citizen has subscribed.
func (p *client) subscribe() {
	p.h.t.Helper()
	p.post("/v1/subscriptions", m{"template_id": "notice", "accepted": true}).want(p.h.t, "OK")
}

// "notified" follows the page's answer, and later Alipay's answer to a message.
func TestPromisesOnlyWhatIsSubscribed(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	password, n := c.Password, 0
	notified := func() bool {
		t.Helper()
		n++
		next := fmt.Sprintf("Copper-Kettle-%d", 70+n)
		r := p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": password}).want(t, "OK")
		done := p.post("/v1/password/changes/"+r.get(t, "id").(string)+"/confirm", twice(next)).want(t, "OK")
		password = next
		return done.get(t, "notified").(bool)
	}
	state := func(want string, promised bool) {
		t.Helper()
		if got := p.get("/v1/subscriptions").want(t, "OK").get(t, "state"); got != want {
			t.Errorf("it is %v, want %s", got, want)
		}
		if notified() != promised {
			t.Errorf("%s: notified %v", want, !promised)
		}
	}
	state("none", false)
	p.post("/v1/subscriptions", m{"template_id": "another", "accepted": true}).want(t, "NOT_OFFERED")
	p.post("/v1/subscriptions", m{"template_id": "notice", "accepted": false}).want(t, "OK")
	state("rejected", false)
	p.post("/v1/subscriptions", m{"template_id": "notice", "accepted": true}).want(t, "OK")
	state("accepted", true)
	h.abandonAll()
	state("refused", false)
	due, _, err := h.db.Outbox().Due(t.Context(), 1)
	must(t, err)
	must(t, h.db.Outbox().Delivered(t.Context(), due[0]))
	state("accepted", true)
	p.post("/v1/consents/withdraw", m{"purpose": "message"}).want(t, "OK")
	state("accepted", false)
}
