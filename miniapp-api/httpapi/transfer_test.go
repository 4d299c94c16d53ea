package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

func withTransfer(window time.Duration) envOption {
	return func(c *Config) { c.Transfer = selfservice.TransferPolicy{Offered: true, Window: window} }
}

// newAlipay returns the same citizen with another Alipay account.
func (h *env) newAlipay(c citizen) citizen {
	h.t.Helper()
	n := citizens.Add(1)
	c.Person.Person, c.OpenID = fmt.Sprintf("%s again %d", c.Person.Person, n), fmt.Sprintf("%s-again-%d", c.OpenID, n)
	h.sim.Add(c.Person)
	return c
}

// transferBody returns linkBody with transfer set.
func (c citizen) transferBody() m { return with(c.linkBody(), "transfer", true) }

// transferOf returns the transfer of a TRANSFER_WAITING, and whether ALREADY_LINKED offers one.
func (r reply) transferOf(t testing.TB) (waiting *httpapi.TransferView, offered bool) {
	t.Helper()
	var p struct {
		Transfer *httpapi.TransferView `json:"transfer"`
		Offered  bool                  `json:"transfer_offered"`
	}
	must(t, json.Unmarshal([]byte(r.Raw), &p))
	return p.Transfer, p.Offered
}

// A transferring is a linked citizen who requests the link with a new Alipay account.
type transferring struct {
	*env
	c, next           citizen // the same person
	holder, requester *client
	path              string // of the transfer
}

func (h *env) transferring() *transferring {
	h.t.Helper()
	c := h.citizen()
	r := &transferring{env: h, c: c, next: h.newAlipay(c), holder: h.linkedClient(c)}
	r.requester = h.logIn(r.next)
	waiting, _ := r.requester.post("/v1/link", c.transferBody()).want(h.t, "TRANSFER_WAITING").transferOf(h.t)
	r.path = "/v1/link-transfers/" + waiting.ID.String()
	return r
}

// ripen notifies the holder and advances the clock past the window. Sessions expire meanwhile.
func (r *transferring) ripen() {
	r.t.Helper()
	r.notifyHolders()
	r.clock.Advance(24*time.Hour + time.Second)
	r.holder, r.requester = r.logIn(r.c), r.logIn(r.next)
}

// sees compares the states of the user's own transfer and of the one against their link.
func (p *client) sees(own, against string) {
	p.h.t.Helper()
	var data httpapi.TransfersReply
	must(p.h.t, json.Unmarshal(p.get("/v1/link-transfers").want(p.h.t, "OK").Data, &data))
	state := func(v *httpapi.TransferView) string {
		if v == nil {
			return ""
		}
		return v.State
	}
	if state(data.Own) != own || state(data.Against) != against {
		p.h.t.Errorf("sees %q and %q, want %q and %q", state(data.Own), state(data.Against), own, against)
	}
}

// wantNotices compares the notices to an Alipay user, by kind.
func (h *env) wantNotices(c citizen, kinds ...string) {
	h.t.Helper()
	due, _, err := h.db.Outbox().Due(h.t.Context(), 1000)
	must(h.t, err)
	var got []string
	for _, d := range due {
		told, err := h.db.Outbox().Notice(d)
		must(h.t, err)
		if told.Identity.Value == c.OpenID {
			got = append(got, d.Kind)
		}
	}
	h.exec(`UPDATE outbox SET next_at = created_at, lease = NULL`)
	slices.Sort(got)
	slices.Sort(kinds)
	if strings.Join(got, " ") != strings.Join(kinds, " ") {
		h.t.Errorf("notices %v, want %v", got, kinds)
	}
}

// Without a window the new Alipay account can confirm once the holder is notified. The former
// holder's sessions end, and both are notified.
func TestTransferAtOnce(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(0))
	c := h.citizen()
	next, holder := h.newAlipay(c), h.linkedClient(c)
	change, requester := holder.openChange(c), h.logIn(next)
	if _, offered := requester.post("/v1/link", c.linkBody()).want(t, "ALREADY_LINKED").transferOf(t); !offered {
		t.Error("not offered")
	}
	holder.get("/v1/link").want(t, "OK")
	key := header{"Idempotency-Key", "take over"}
	h.wantNotices(c, store.NoticeLinked)
	path := requester.requestTransfer(c)
	h.notifyHolders()
	first := requester.post(path+"/confirm", m{}, key).want(t, "OK")
	if again := requester.post(path+"/confirm", m{}, key); again.Raw != first.Raw {
		t.Errorf("the repetition got another answer: %s", again.Raw)
	}
	requester.get("/v1/password").want(t, "OK")
	holder.get("/v1/link").want(t, "SESSION_EXPIRED")
	holder = h.logIn(c)
	holder.get("/v1/link").want(t, "NOT_LINKED")
	holder.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "NOT_LINKED")
	if got := holder.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("the former holder's change is %v", got)
	}
	h.wantNotices(c, store.NoticeLinked, store.NoticeLinkTransferred)
	h.wantNotices(next, store.NoticeLinked)
	if raw := requester.get("/v1/events").want(t, "OK").Raw; strings.Count(raw, "已改绑到其他支付宝账号") != 1 {
		t.Errorf("the record: %s", raw)
	}
	back := holder.requestTransfer(c) // back to the first user, who is the same person
	h.notifyHolders()
	holder.post(back+"/confirm", m{}).want(t, "OK")
	requester.get("/v1/link").want(t, "SESSION_EXPIRED")
}

// Within the window the holder can reject the transfer. After it the requester can confirm in
// any session, and not before.
func TestTransferWindow(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	r := h.transferring()
	h.wantNotices(r.c, store.NoticeLinked, store.NoticeTransferRequested)
	r.notifyHolders()
	again := r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_WAITING")
	waiting, _ := again.transferOf(t)
	if again.Retry < 24*3600-60 || again.Retry > 24*3600 || !strings.HasSuffix(r.path, waiting.ID.String()) {
		t.Errorf("the same request again: %s", again.Raw)
	}
	r.holder.sees("", "waiting")
	r.requester.sees("waiting", "")
	r.requester.post(r.path+"/confirm", m{}).want(t, "TRANSFER_WAITING")
	r.requester.get("/v1/link").want(t, "NOT_LINKED")
	r.holder.get("/v1/link").want(t, "OK")

	r.ripen()
	key := header{"Idempotency-Key", "now"}
	first := r.requester.post(r.path+"/confirm", m{}, key).want(t, "OK")
	if again := r.requester.post(r.path+"/confirm", m{}, key); again.Raw != first.Raw {
		t.Errorf("the repetition got another answer: %s", again.Raw)
	}
	r.requester.get("/v1/link").want(t, "OK")
	r.holder.get("/v1/link").want(t, "SESSION_EXPIRED")
	r.requester.sees("done", "")
	r.requester.post(r.path+"/confirm", m{}).want(t, "TRANSFER_GONE")
	r.requester.post(r.path+"/cancel", m{}).want(t, "TRANSFER_GONE")
	if _, offered := h.logIn(r.c).post("/v1/link", r.c.linkBody()).want(t, "ALREADY_LINKED").transferOf(t); !offered {
		t.Error("the reset is not offered")
	}
}

// A rejection blocks transfers for thirty days, and the requester is notified. A reset code
// still works.
func TestTransferRejected(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	for name, reject := range map[string]func(*transferring){
		"rejection": func(r *transferring) {
			for range 2 {
				if got := r.holder.post(r.path+"/reject", m{}).want(t, "OK").get(t, "state"); got != "rejected" {
					t.Errorf("it is %v", got)
				}
			}
			r.holder.sees("", "")
		},
		"late rejection": func(r *transferring) {
			r.ripen()
			r.holder.post(r.path+"/reject", m{}).want(t, "OK")
		},
		"freeze": func(r *transferring) {
			r.holder.post("/v1/freeze", m{}).want(t, "OK")
			h.exec(`UPDATE password_credentials SET state = 'set' WHERE state = 'frozen'`) // as after a reset
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.transferring()
			reject(r)
			h.wantNotices(r.next, store.NoticeTransferRejected)
			r.requester.sees("rejected", "")
			r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_REJECTED")
			r.ripen()
			r.requester.post(r.path+"/confirm", m{}).want(t, "TRANSFER_REJECTED")
			r.requester.get("/v1/link").want(t, "NOT_LINKED")
			r.holder.get("/v1/link").want(t, "OK")

			h.clock.Advance(store.RejectionLife)
			r.requester = h.logIn(r.next)
			r.requester.post("/v1/link", r.c.transferBody()).want(t, "TRANSFER_WAITING")
			h.logIn(r.c).post(r.path+"/reject", m{}).want(t, "OK") // the previous one; a repetition is no error
			h.issue(r.c, "1234567890")
			body := r.c.transferBody()
			delete(body, "password")
			r.requester.post("/v1/link", with(body, "reset_code", "12345 67890")).want(t, "OK")
		})
	}
}

// A transfer is cancelled if its link, password or account changes before it is due.
func TestTransferOutdated(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withTransfer(24*time.Hour))
	for name, change := range map[string]func(*transferring) (state, code string){
		"password changed": func(r *transferring) (string, string) {
			path := r.holder.openChange(r.c)
			r.holder.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
			return "cancelled", "TRANSFER_GONE"
		},
		"taken back": func(r *transferring) (string, string) {
			for range 2 {
				r.requester.post(r.path+"/cancel", m{}).want(t, "OK")
			}
			return "cancelled", "TRANSFER_GONE"
		},
		"holder unlinked": func(r *transferring) (string, string) {
			r.holder.post("/v1/link/remove", m{"password": r.c.Password}).want(t, "OK")
			r.requester.sees("cancelled", "")
			r.requester.post("/v1/link", r.c.linkBody()).want(t, "OK") // no holder is left
			return "cancelled", "TRANSFER_GONE"
		},
		"account closed": func(r *transferring) (string, string) {
			h.becomes(r.c, func(c *citizen) { c.Status = store.StatusClosed })
			return "cancelled", "TRANSFER_GONE"
		},
		"too late": func(r *transferring) (string, string) {
			r.notifyHolders()
			h.clock.Advance(store.TransferLife)
			return "expired", "TRANSFER_GONE"
		},
		"linked otherwise": func(r *transferring) (string, string) {
			other := h.citizen(func(c *citizen) { c.Person.Person, c.OpenID = r.next.Person.Person, r.next.OpenID })
			h.logIn(other).post("/v1/link", other.linkBody()).want(t, "OK")
			return "waiting", "ALREADY_LINKED"
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.transferring()
			state, code := change(r)
			r.ripen()
			r.requester.sees(state, "")
			r.requester.post(r.path+"/confirm", m{}).want(t, code)
			if r.requester.get("/v1/link"); name != "holder unlinked" && name != "linked otherwise" {
				r.requester.get("/v1/link").want(t, "NOT_LINKED")
			}
		})
	}
}
