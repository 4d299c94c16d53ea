package httpapi_test

import (
	"testing"
	"time"
)

// A reset code transfers the link of a person whose password is frozen, as it creates a link:
// the owner who froze the password gets the code at the counter and then resets the password.
func TestTransferFrozenByCode(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	r := h.transferring()
	r.holder.post("/v1/freeze", m{}).want(t, "OK")
	r.requester.post("/v1/link", r.c.transferBody()).want(t, "LINK_REFUSED") // its password cannot be used
	h.issue(r.c, "1234567890")
	body := with(r.c.transferBody(), "reset_code", "1234567890")
	delete(body, "password")
	r.requester.post("/v1/link", body).want(t, "OK")
	h.logIn(r.c).get("/v1/link").want(t, "NOT_LINKED")
	if state := r.requester.get("/v1/password").want(t, "OK").get(t, "state"); state != "frozen" {
		t.Errorf("the password is %v", state)
	}
	r.requester.post("/v1/password/resets", m{"code": "1234567890"}).want(t, "OK")
}
