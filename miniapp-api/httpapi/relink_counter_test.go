package httpapi_test

import (
	"testing"
	"time"
)

// A clerk's code takes over the link of somebody whose password is frozen, as it makes a
// link there: who pressed 不是我 is sent to the counter, and the reset comes after.
func TestRelinkFrozenByCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	r := h.relinking()
	r.holder.post("/v1/freeze", m{}).want(t, "OK")
	r.asker.post("/v1/link", r.c.relinkBody()).want(t, "LINK_REFUSED") // its password opens nothing
	h.issue(r.c, "1234567890")
	body := with(r.c.relinkBody(), "reset_code", "1234567890")
	delete(body, "password")
	r.asker.post("/v1/link", body).want(t, "OK")
	h.logIn(r.c).get("/v1/link").want(t, "NOT_LINKED")
	if state := r.asker.get("/v1/password").want(t, "OK").get(t, "state"); state != "frozen" {
		t.Errorf("the password is %v", state)
	}
	r.asker.post("/v1/password/resets", m{"code": "1234567890"}).want(t, "OK")
}
