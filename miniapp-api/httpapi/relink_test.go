package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

func withRelink(window time.Duration) houseOption {
	return func(c *Config) { c.Relink = selfservice.Relink{Offered: true, Window: window} }
}

// newAlipay is the same citizen with another Alipay account, as after a lost phone.
func (h *house) newAlipay(c citizen) citizen {
	h.t.Helper()
	n := citizens.Add(1)
	c.Person.Person, c.OpenID = fmt.Sprintf("%s again %d", c.Person.Person, n), fmt.Sprintf("%s-again-%d", c.OpenID, n)
	h.sim.Add(c.Person)
	return c
}

// relinkBody asks for the link as well.
func (c citizen) relinkBody() m { return with(c.linkBody(), "relink", true) }

// relinkOf is what a RELINK_WAITING waits for, and whether ALREADY_LINKED offers one.
func (r reply) relinkOf(t testing.TB) (waiting *httpapi.RelinkView, offered bool) {
	t.Helper()
	var p struct {
		Relink  *httpapi.RelinkView `json:"relink"`
		Offered bool                `json:"relink_offered"`
	}
	must(t, json.Unmarshal([]byte(r.Raw), &p))
	return p.Relink, p.Offered
}

// A relinking is a citizen who is linked and asks for the link with a new Alipay account.
type relinking struct {
	*house
	c, next       citizen // the same person
	holder, asker *phone
	path          string // of the relink
}

func (h *house) relinking() *relinking {
	h.t.Helper()
	c := h.citizen()
	r := &relinking{house: h, c: c, next: h.newAlipay(c), holder: h.linkedPhone(c)}
	r.asker = h.logIn(r.next)
	waiting, _ := r.asker.post("/v1/link", c.relinkBody()).want(h.t, "RELINK_WAITING").relinkOf(h.t)
	r.path = "/v1/relinks/" + waiting.ID.String()
	return r
}

// ripen tells the holder and lets the window pass; nobody's session lives that long.
func (r *relinking) ripen() {
	r.t.Helper()
	r.tellHolders()
	r.clock.Advance(24*time.Hour + time.Second)
	r.holder, r.asker = r.logIn(r.c), r.logIn(r.next)
}

// sees wants the states of a visitor's own relink and of the one against their link.
func (p *phone) sees(own, against string) {
	p.h.t.Helper()
	var data httpapi.RelinksReply
	must(p.h.t, json.Unmarshal(p.get("/v1/relinks").want(p.h.t, "OK").Data, &data))
	state := func(v *httpapi.RelinkView) string {
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
func (h *house) wantNotices(c citizen, kinds ...string) {
	h.t.Helper()
	due, _, err := h.db.Due(h.t.Context(), 1000)
	must(h.t, err)
	var got []string
	for _, d := range due {
		told, err := h.db.Notice(d)
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

// Without a window the new Alipay account takes the link over once the holder was told,
// when the citizen says so; the former holder's sessions end, and both are told.
func TestRelinkAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(0))
	c := h.citizen()
	next, holder := h.newAlipay(c), h.linkedPhone(c)
	change, asker := holder.openChange(c), h.logIn(next)
	if _, offered := asker.post("/v1/link", c.linkBody()).want(t, "ALREADY_LINKED").relinkOf(t); !offered {
		t.Error("not offered")
	}
	holder.get("/v1/link").want(t, "OK")
	key := header{"Idempotency-Key", "take over"}
	h.wantNotices(c, store.NoticeLinked)
	path := asker.askRelink(c)
	h.tellHolders()
	first := asker.post(path+"/confirm", m{}, key).want(t, "OK")
	if again := asker.post(path+"/confirm", m{}, key); again.Raw != first.Raw {
		t.Errorf("the repetition got another answer: %s", again.Raw)
	}
	asker.get("/v1/password").want(t, "OK")
	holder.get("/v1/link").want(t, "SESSION_EXPIRED")
	holder = h.logIn(c)
	holder.get("/v1/link").want(t, "NOT_LINKED")
	holder.post(change+"/confirm", twice("Copper-Kettle-77")).want(t, "NOT_LINKED")
	if got := holder.get(change).get(t, "state"); got != "cancelled" {
		t.Errorf("the former holder's change is %v", got)
	}
	h.wantNotices(c, store.NoticeLinked, store.NoticeRelinked)
	h.wantNotices(next, store.NoticeLinked)
	if raw := asker.get("/v1/events").want(t, "OK").Raw; strings.Count(raw, "已改绑到其他支付宝账号") != 1 {
		t.Errorf("the record: %s", raw)
	}
	back := holder.askRelink(c) // and back: it is the same person
	h.tellHolders()
	holder.post(back+"/confirm", m{}).want(t, "OK")
	asker.get("/v1/link").want(t, "SESSION_EXPIRED")
}

// With a window the holder is told and may object; then the new account takes over, in
// any session, and not a moment earlier.
func TestRelinkWindow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	r := h.relinking()
	h.wantNotices(r.c, store.NoticeLinked, store.NoticeRelinkAsked)
	r.tellHolders()
	again := r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_WAITING")
	waiting, _ := again.relinkOf(t)
	if again.Retry < 24*3600-60 || again.Retry > 24*3600 || !strings.HasSuffix(r.path, waiting.ID.String()) {
		t.Errorf("the same wish again: %s", again.Raw)
	}
	r.holder.sees("", "waiting")
	r.asker.sees("waiting", "")
	r.asker.post(r.path+"/confirm", m{}).want(t, "RELINK_WAITING")
	r.asker.get("/v1/link").want(t, "NOT_LINKED")
	r.holder.get("/v1/link").want(t, "OK")

	r.ripen()
	key := header{"Idempotency-Key", "now"}
	first := r.asker.post(r.path+"/confirm", m{}, key).want(t, "OK")
	if again := r.asker.post(r.path+"/confirm", m{}, key); again.Raw != first.Raw {
		t.Errorf("the repetition got another answer: %s", again.Raw)
	}
	r.asker.get("/v1/link").want(t, "OK")
	r.holder.get("/v1/link").want(t, "SESSION_EXPIRED")
	r.asker.sees("done", "")
	r.asker.post(r.path+"/confirm", m{}).want(t, "RELINK_GONE")
	r.asker.post(r.path+"/cancel", m{}).want(t, "RELINK_GONE")
	if _, offered := h.logIn(r.c).post("/v1/link", r.c.linkBody()).want(t, "ALREADY_LINKED").relinkOf(t); !offered {
		t.Error("the way back is not offered")
	}
}

// The holder's objection ends it, for thirty days, and whoever asked is told; the
// counter can still help.
func TestRelinkObjected(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	for name, object := range map[string]func(*relinking){
		"objection": func(r *relinking) {
			for range 2 {
				if got := r.holder.post(r.path+"/object", m{}).want(t, "OK").get(t, "state"); got != "objected" {
					t.Errorf("it is %v", got)
				}
			}
			r.holder.sees("", "")
		},
		"late objection": func(r *relinking) {
			r.ripen()
			r.holder.post(r.path+"/object", m{}).want(t, "OK")
		},
		"freeze": func(r *relinking) {
			r.holder.post("/v1/freeze", m{}).want(t, "OK")
			h.exec(`UPDATE password_credentials SET state = 'set' WHERE state = 'frozen'`) // as after a reset
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.relinking()
			object(r)
			h.wantNotices(r.next, store.NoticeRelinkObjected)
			r.asker.sees("objected", "")
			r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_REFUSED")
			r.ripen()
			r.asker.post(r.path+"/confirm", m{}).want(t, "RELINK_REFUSED")
			r.asker.get("/v1/link").want(t, "NOT_LINKED")
			r.holder.get("/v1/link").want(t, "OK")

			h.clock.Advance(store.ObjectionLife)
			r.asker = h.logIn(r.next)
			r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_WAITING")
			h.logIn(r.c).post(r.path+"/object", m{}).want(t, "OK") // that of before; twice is no error
			h.issue(r.c, "1234567890")
			body := r.c.relinkBody()
			delete(body, "password")
			r.asker.post("/v1/link", with(body, "reset_code", "12345 67890")).want(t, "OK")
		})
	}
}

// What the relink was asked for must still be there when it is due.
func TestRelinkOutdated(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	for name, change := range map[string]func(*relinking) (state, code string){
		"password changed": func(r *relinking) (string, string) {
			path := r.holder.openChange(r.c)
			r.holder.post(path+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
			return "cancelled", "RELINK_GONE"
		},
		"taken back": func(r *relinking) (string, string) {
			for range 2 {
				r.asker.post(r.path+"/cancel", m{}).want(t, "OK")
			}
			return "cancelled", "RELINK_GONE"
		},
		"holder unlinked": func(r *relinking) (string, string) {
			r.holder.post("/v1/link/remove", m{"password": r.c.Password}).want(t, "OK")
			r.asker.sees("cancelled", "")
			r.asker.post("/v1/link", r.c.linkBody()).want(t, "OK") // there is nobody to wait for
			return "cancelled", "RELINK_GONE"
		},
		"account closed": func(r *relinking) (string, string) {
			h.becomes(r.c, func(c *citizen) { c.Status = store.StatusClosed })
			return "cancelled", "RELINK_GONE"
		},
		"too late": func(r *relinking) (string, string) {
			r.tellHolders()
			h.clock.Advance(store.RelinkLife)
			return "expired", "RELINK_GONE"
		},
		"linked otherwise": func(r *relinking) (string, string) {
			other := h.citizen(func(c *citizen) { c.Person.Person, c.OpenID = r.next.Person.Person, r.next.OpenID })
			h.logIn(other).post("/v1/link", other.linkBody()).want(t, "OK")
			return "waiting", "ALREADY_LINKED"
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := h.relinking()
			state, code := change(r)
			r.ripen()
			r.asker.sees(state, "")
			r.asker.post(r.path+"/confirm", m{}).want(t, code)
			if r.asker.get("/v1/link"); name != "holder unlinked" && name != "linked otherwise" {
				r.asker.get("/v1/link").want(t, "NOT_LINKED")
			}
		})
	}
}

// A password alone takes no link over, nor does anything where the centre wants none; a
// clerk's code does everywhere, at once.
func TestRelinkNotOffered(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]houseOption{
		"off":           func(*Config) {},
		"password only": func(c *Config) { c.Proof, c.Relink = selfservice.ProofNone, selfservice.Relink{Offered: true} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, option)
			c := h.citizen()
			holder, asker := h.linkedPhone(c), h.logIn(h.newAlipay(c))
			for _, body := range []m{c.linkBody(), c.relinkBody()} {
				if _, offered := asker.post("/v1/link", body).want(t, "ALREADY_LINKED").relinkOf(t); offered {
					t.Error("offered")
				}
			}
			holder.get("/v1/link").want(t, "OK")
			h.issue(c, "1234567890")
			body := c.relinkBody()
			delete(body, "password")
			asker.post("/v1/link", with(body, "reset_code", "1234567890")).want(t, "OK")
			holder.get("/v1/link").want(t, "SESSION_EXPIRED")
		})
	}
}

// To a stranger a person with a link, a wish to take it over and an unknown person look
// alike.
func TestRelinkRefusalsLookAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(0))
	c := h.citizen()
	h.linkedPhone(c)
	stranger := h.logIn(h.citizen())
	look := ""
	for name, body := range map[string]m{
		"right":    c.relinkBody(),
		"wrong":    withPassword(c.relinkBody(), "wrong-guess"),
		"unlinked": h.citizen().relinkBody(),
		"link":     c.linkBody(),
	} {
		got := requestPart.ReplaceAllString(stranger.post("/v1/link", body).want(t, "LINK_REFUSED").Raw, "")
		if look == "" {
			look = got
		} else if got != look {
			t.Errorf("%s looks different:\n%s\n%s", name, got, look)
		}
	}
}

// Nobody does anything to a relink that is not theirs, and a third one has to wait.
func TestRelinkIsTheirs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	r := h.relinking()
	other, third := h.relinking(), h.logIn(h.newAlipay(r.c))
	third.post("/v1/link", r.c.relinkBody()).want(t, "ALREADY_LINKED")
	third.sees("", "")
	for name, p := range map[string]*phone{"holder": r.holder, "other's holder": other.holder, "other": other.asker, "third": third} {
		for _, step := range []string{"/confirm", "/cancel"} {
			if got := p.post(r.path+step, m{}).Code; got != "RELINK_GONE" {
				t.Errorf("%s, %s: %s", name, step, got)
			}
		}
		if got := p.post(r.path+"/object", m{}).Code; name != "holder" && got != "RELINK_GONE" && got != "NOT_LINKED" {
			t.Errorf("%s objects: %s", name, got)
		}
	}
	r.asker.sees("objected", "") // by the holder alone
	other.asker.sees("waiting", "")
	third.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_REFUSED") // an objection is of the person
}

// The holder is told three times a day at most.
func TestRelinkLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(24*time.Hour))
	r := h.relinking()
	for range relinksADay - 1 {
		r.asker.post(r.path+"/cancel", m{}).want(t, "OK")
		waiting, _ := r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_WAITING").relinkOf(t)
		r.path = "/v1/relinks/" + waiting.ID.String()
	}
	r.asker.post(r.path+"/cancel", m{}).want(t, "OK")
	if got := r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_LIMIT"); got.Retry <= 0 {
		t.Errorf("no retry_after: %s", got.Raw)
	}
	r.ripen()
	r.asker.post("/v1/link", r.c.relinkBody()).want(t, "RELINK_WAITING")
}

// A face takes a link over as name and document do, and a repetition whose first answer
// was lost goes on where it stood.
func TestRelinkByFace(t *testing.T) {
	t.Parallel()
	for _, window := range []time.Duration{0, 24 * time.Hour} {
		t.Run(window.String(), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, withProof(selfservice.ProofFace), withRelink(window))
			c := h.citizen()
			first := h.logIn(c)
			id, _ := first.awaitFace(c)
			first.confirmLink(id).want(t, "OK")
			asker := h.logIn(h.newAlipay(c))
			id, _ = asker.awaitFace(c)
			if _, offered := asker.confirmLink(id).want(t, "ALREADY_LINKED").relinkOf(t); !offered {
				t.Error("not offered")
			}
			pending := asker.post("/v1/link", c.relinkBody()).want(t, "LINK_PROOF_REQUIRED").pending(t)
			want := "RELINK_WAITING"
			key := header{"Idempotency-Key", "confirm"}
			got := asker.confirmLink(pending.ID.String(), key).want(t, want)
			h.exec(`UPDATE receipts SET status = NULL, sealed_reply = NULL, lease_until = now() - interval '1 minute'`)
			again := asker.confirmLink(pending.ID.String(), key).want(t, want)
			if a, _ := got.relinkOf(t); a != nil {
				if b, _ := again.relinkOf(t); a.ID != b.ID {
					t.Errorf("went on with another one: %s", again.Raw)
				}
			}
			asker.confirmLink(pending.ID.String()).want(t, "LINK_GONE")
			if n := h.count(`SELECT coalesce(sum(used), 0) FROM guess_budgets`); n != 0 {
				t.Errorf("%d guesses stay charged", n)
			}
		})
	}
}

// A frozen password is no dead end: whoever froze it, a clerk's code links and takes over,
// with a face where the centre wants one, and the reset that follows opens it.
func TestCodeOnFrozenPassword(t *testing.T) {
	t.Parallel()
	for _, proof := range []selfservice.Proof{selfservice.ProofCertdoc, selfservice.ProofFace} {
		t.Run(string(proof), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, withProof(proof), withRelink(24*time.Hour))
			c := h.citizen()
			holder := h.logIn(c)
			link := func(p *phone, body m) {
				t.Helper()
				r := p.post("/v1/link", body)
				if pending := r.pending(t); pending != nil {
					r = p.confirmLink(pending.ID.String())
				}
				r.want(t, "OK")
			}
			link(holder, c.linkBody())
			holder.post("/v1/freeze", m{}).want(t, "OK")
			asker := h.logIn(h.newAlipay(c))
			h.issue(c, "1234567890")
			body := with(c.relinkBody(), "reset_code", "1234567890")
			delete(body, "password")
			link(asker, body)
			h.logIn(c).get("/v1/link").want(t, "NOT_LINKED")
			reset := asker.post("/v1/password/resets", m{"code": "1234567890"}).want(t, "OK").get(t, "id").(string)
			asker.post("/v1/password/resets/"+reset+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
		})
	}
}

// Fifty of a person's new Alipay accounts, over two processes: one takes the link over.
func TestRelinkRace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withRelink(0))
	urls := []string{h.url, h.listen(h.newServer(withRelink(0)))}
	c := h.citizen()
	h.linkedPhone(c)
	codes := make([]string, 50)
	phones := make([]*phone, len(codes))
	for i := range phones {
		phones[i] = h.logIn(h.newAlipay(c))
		phones[i].url = urls[i%2]
	}
	var wg sync.WaitGroup
	for i, p := range phones {
		wg.Go(func() {
			for codes[i] = "BUSY"; codes[i] == "BUSY"; { // done nothing, or not all
				codes[i] = p.takeOver(c)
			}
		})
	}
	wg.Wait()
	linked := 0
	for _, p := range phones {
		if p.get("/v1/link").Code == "OK" {
			linked++
		}
	}
	if n := h.count(`SELECT count(*) FROM alipay_links`); n != 1 || linked != 1 {
		t.Errorf("%d links, %d sessions linked: %v", n, linked, codes)
	}
	taken, done := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventRelinked), h.count(`SELECT count(*) FROM relinks WHERE state = 'done'`)
	if made := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventLinked); taken != done || made != taken+1 {
		t.Errorf("%d taken over, %d done, %d links made", taken, done, made)
	}
	if slices.Contains(codes, "INTERNAL") {
		t.Errorf("answers %v: %s", codes, h.logs)
	}
}
