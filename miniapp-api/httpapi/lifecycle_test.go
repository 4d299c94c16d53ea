package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/alipay"
	"fundpass/store"
)

// becomes imports a new status of a citizen.
func (h *env) becomes(c citizen, change func(*citizen)) {
	h.t.Helper()
	change(&c)
	h.deposit(c)
}

// merged returns a citizen whose account was merged into other while they had a change open.
func (h *env) merged() (p *client, change string, c, other citizen) {
	h.t.Helper()
	c = h.citizen()
	other = c
	other.AccountNo, other.Password = "77"+c.AccountNo[2:], "Amber-Lantern-5"
	h.deposit(other)
	p = h.linkedClient(c)
	change = p.openChange(c)
	h.becomes(c, func(c *citizen) { c.Status = store.StatusMerged })
	return p, change, c, other
}

// After a merger the citizen continues with the other account and its password, and the events
// state the reason.
func TestCitizenAfterMerger(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p, change, c, other := h.merged()
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	p.get("/v1/link").want(t, "OK")
	events := p.get("/v1/events").want(t, "OK").Raw
	for _, part := range []string{`"link_moved"`, "绑定已转到您的另一个账户", `"centre"`} {
		if !strings.Contains(events, part) {
			t.Errorf("%s is not in %s", part, events)
		}
	}
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}).want(t, "OLD_PASSWORD_WRONG")
	change = p.openChange(other)
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
	h.logIn(c).post("/v1/link/remove", m{"password": "Copper-Kettle-77"}).want(t, "OK")
	h.logIn(c).post("/v1/link", withPassword(c.linkBody(), c.Password)).want(t, "ACCOUNT_CLOSED")
}

// After a closure nothing is possible. Once the centre corrects it and the citizen links again,
// the events state the reason.
func TestCitizenAfterClosure(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	h.becomes(c, func(c *citizen) { c.Status = store.StatusClosed })
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "SESSION_EXPIRED")
	p = h.logIn(c)
	p.get("/v1/password").want(t, "NOT_LINKED")
	p.get(change).want(t, "OK")
	p.post("/v1/link", c.linkBody()).want(t, "ACCOUNT_CLOSED")
	h.becomes(c, func(*citizen) {})
	p.get("/v1/password").want(t, "NOT_LINKED")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	if events := p.get("/v1/events").Raw; !strings.Contains(events, "绑定已解除") {
		t.Errorf("got %s", events)
	}
}

// A frozen account can be read. Its open change is cancelled, and another is refused until the
// centre lifts the freeze.
func TestCitizenAfterFreeze(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	h.becomes(c, func(c *citizen) { c.Status = store.StatusFrozen })
	p.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "CHANGE_GONE")
	if got := p.get(change).want(t, "OK").get(t, "state"); got != "cancelled" {
		t.Errorf("state %v", got)
	}
	p.get("/v1/link").want(t, "OK")
	h.becomes(c, func(*citizen) {})
	p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
}

// Notices of a link that moved or ended refer the owner to the centre.
func TestLinkNoticeTexts(t *testing.T) {
	t.Parallel()
	for kind, part := range map[string]string{store.NoticeLinkMoved: "已合并", store.NoticeLinkEnded: "绑定已解除"} {
		words, ok := alipay.NoticeText(kind, time.Now())
		if !ok || !strings.Contains(words[0], part) || strings.Contains(words[2], "冻结") {
			t.Errorf("%s: %q", kind, words)
		}
	}
}
