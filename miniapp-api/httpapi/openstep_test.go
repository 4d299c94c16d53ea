package httpapi_test

import (
	"strings"
	"testing"

	"fundpass/store"
)

// After an unlink the same session can link again, because it keeps Alipay's access token.
func TestLinkAgainInTheSameSession(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	for range 2 {
		p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
		p.post("/v1/link", c.linkBody()).want(t, "OK")
	}
}

// The password state and the copy of one's data show an open change with its time and channel.
// Opening another returns the one that it cancelled.
func TestOpenChangeIsVisible(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	open := func(r reply, field string) m { v, _ := r.want(t, "OK").get(t, field).(map[string]any); return v }
	if got := open(p.get("/v1/password"), "open_change"); got != nil {
		t.Errorf("shown before: %v", got)
	}
	first := p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
	if open(first, "replaced") != nil {
		t.Errorf("the first replaced something: %s", first.Raw)
	}
	elsewhere := h.logIn(c) // another session, such as a thief's
	shown := open(elsewhere.get("/v1/password"), "open_change")
	if shown["id"] != first.get(t, "id") || shown["channel"] != store.ChannelAlipay || shown["opened_at"] == nil {
		t.Errorf("shown %v", shown)
	}
	changes, _ := elsewhere.get("/v1/me/data").want(t, "OK").get(t, "changes").([]any)
	if len(changes) != 1 || changes[0].(map[string]any)["state"] != "open" || changes[0].(map[string]any)["opened_at"] != shown["opened_at"] {
		t.Errorf("own data: %v", changes)
	}
	second := elsewhere.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password})
	if got := open(second, "replaced"); got["id"] != first.get(t, "id") || got["opened_at"] != shown["opened_at"] || got["channel"] != store.ChannelAlipay {
		t.Errorf("replaced %v, want %v", got, shown)
	}
	reset, _ := p.openReset()
	if got := open(p.get("/v1/password"), "open_reset"); got == nil || !strings.HasSuffix(reset, got["id"].(string)) {
		t.Errorf("the reset is shown as %v", got)
	}
	h.clock.Advance(store.ChangeLife)
	if got := open(h.logIn(c).get("/v1/password"), "open_change"); got != nil {
		t.Errorf("shown when its time is over: %v", got)
	}
}
