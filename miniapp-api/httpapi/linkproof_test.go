package httpapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

func withInitialProof(p selfservice.Proof) envOption { return func(c *Config) { c.InitialProof = p } }

// restart replaces the server.
func (h *env) restart(opts ...envOption) {
	h.t.Helper()
	h.server = h.newServer(opts...)
	h.db = h.server.DB
	h.url = h.listen(h.server)
}

func initial(c *citizen) { c.InitialRule, c.Password = "id-last6", c.IDNumber[12:] }

func uncertified(c *citizen) { c.Certified = false }

// pending returns the link that a LINK_PROOF_REQUIRED started.
func (r reply) pending(t testing.TB) *httpapi.PendingView {
	t.Helper()
	var p struct {
		Pending *httpapi.PendingView `json:"pending"`
	}
	must(t, json.Unmarshal([]byte(r.Raw), &p))
	return p.Pending
}

// asked returns the proofs that a reply offers, in order.
func (r reply) asked() string {
	var all []string
	for _, e := range r.Errors {
		all = append(all, e.Field)
	}
	return strings.Join(all, ",")
}

// awaitFace starts a link and returns the id of the pending link and Alipay's certify_id.
func (p *client) awaitFace(c citizen) (id, certifyID string) {
	p.h.t.Helper()
	pending := p.post("/v1/link", c.linkBody()).want(p.h.t, "LINK_PROOF_REQUIRED").pending(p.h.t)
	if pending == nil {
		p.h.t.Fatal("no face verification was started")
	}
	return pending.ID.String(), pending.CertifyID
}

func (p *client) confirmLink(id string, headers ...header) reply {
	p.h.t.Helper()
	return p.post("/v1/link/"+id+"/confirm", m{}, headers...)
}

// Alipay verifies the record's person. After the verification the link is complete: the attempt
// is reset, and event and notice are written.
func TestLinkByFace(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	for _, tt := range []struct {
		name, method string
		change       func(*citizen)
	}{
		{"ID card", initialize, func(*citizen) {}},
		{"residence permit", "datadigital.fincloud.generalsaas.face.verification.initialize", func(c *citizen) { c.IDNumber = permitNumber() }},
		{"initial password", initialize, initial},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := h.citizen(withStory("face_pending"), tt.change)
			p := h.logIn(c)
			r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED")
			pending := r.pending(t)
			if r.HTTP != 409 || r.asked() != "face" || pending.CertifyID == "" || time.Until(pending.ExpiresAt) > store.LinkProofLife {
				t.Fatalf("asked %s", r.Raw)
			}
			if strings.Contains(r.Raw, c.IDNumber) || strings.Contains(r.Raw, url.QueryEscape(c.Name)) {
				t.Errorf("the reply names the citizen")
			}
			sent := h.sim.Messages()[len(h.sim.Messages())-1]
			if sent.Method != tt.method || !strings.Contains(string(sent.Content), c.IDNumber) || !strings.Contains(string(sent.Content), c.Name) {
				t.Errorf("%s was asked", sent.Method)
			}
			id := pending.ID.String()
			p.get("/v1/link").want(t, "NOT_LINKED")
			no, yes := false, true
			for _, end := range []*bool{nil, &no} {
				must(t, h.sim.Certify(pending.CertifyID, end))
				p.confirmLink(id).want(t, "IDENTITY_NOT_PROVEN")
			}
			if n := h.count(`SELECT attempts FROM lockouts WHERE person_digest = $1 AND scope = $2`, h.personDigest(c), store.PublicScope); n != 1 {
				t.Errorf("%d attempts charged while the link waits, want 1", n)
			}
			tried := `SELECT coalesce(sum(tried), 0) FROM spraying WHERE kind <> 'global'`
			if n := h.count(tried); n != 2 {
				t.Errorf("%d people tried by user and from address while the link waits, want 2", n)
			}
			must(t, h.sim.Certify(pending.CertifyID, &yes))
			done := p.confirmLink(id).want(t, "OK")
			if shown := p.get("/v1/link").want(t, "OK"); string(shown.Data) != string(done.Data) {
				t.Errorf("told %s, shown %s", done.Data, shown.Data)
			}
			if n := h.count(`SELECT attempts FROM lockouts WHERE person_digest = $1 AND scope = $2`, h.personDigest(c), store.PublicScope); n != 0 {
				t.Errorf("%d attempts charged after the link, want 0", n)
			}
			if n := h.count(tried); n != 0 {
				t.Errorf("%d people tried in vain after the link, want 0", n)
			}
			account := `(SELECT account_id FROM accounts WHERE account_no_digest = $1)`
			if n := h.count(`SELECT (SELECT count(*) FROM events WHERE kind = 'linked' AND account_id = `+account+`) + (SELECT count(*) FROM outbox WHERE kind = 'linked' AND account_id = `+account+`)`, h.accountDigest(c)); n != 2 {
				t.Errorf("%d events and notices, want one of each", n)
			}
		})
	}
}

// T17: a pending link belongs to one session of one user, is valid once and for half an hour,
// and becomes invalid with the password that was checked.
func TestPendingLinkIsBound(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c, d := h.citizen(), h.citizen()
	p := h.logIn(c)
	id, _ := p.awaitFace(c)
	for name, q := range map[string]*client{"another session": h.logIn(c), "another user": h.logIn(d)} {
		if r := q.confirmLink(id); r.Code != "LINK_GONE" {
			t.Errorf("%s: %s", name, r.Raw)
		}
	}
	p.confirmLink("none").want(t, "LINK_GONE")
	p.post("/v1/link/"+id+"/confirm", m{"passed": true}).want(t, "BAD_REQUEST")
	second, _ := p.awaitFace(c) // replaces the first
	p.confirmLink(id).want(t, "LINK_GONE")
	key := header{"Idempotency-Key", "confirm"}
	first := p.confirmLink(second, key).want(t, "OK")
	if again := p.confirmLink(second, key).want(t, "OK"); string(again.Data) != string(first.Data) {
		t.Errorf("again %s, first %s", again.Data, first.Data)
	}
	p.confirmLink(second).want(t, "LINK_GONE")

	late := h.logIn(d)
	id, _ = late.awaitFace(d)
	h.clock.Advance(store.LinkProofLife + time.Second)
	h.exec(`UPDATE sessions SET seen_at = now() + interval '31 minutes'`)
	late.confirmLink(id).want(t, "LINK_GONE")
	late.awaitFace(d)

	for _, tt := range []struct{ code, meanwhile string }{
		{"LINK_GONE", `UPDATE password_credentials SET version = version + 1`},
		{"PASSWORD_FROZEN", `UPDATE password_credentials SET state = 'frozen'`},
		{"ACCOUNT_CLOSED", `UPDATE accounts SET status = '04'`},
	} {
		e := h.citizen()
		q := h.logIn(e)
		id, _ := q.awaitFace(e)
		h.exec(tt.meanwhile+` WHERE account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(e))
		q.confirmLink(id).want(t, tt.code)
		q.get("/v1/link").want(t, "NOT_LINKED")
	}
}

// Of fifty concurrent confirms over two processes one links. Of two users with the same
// person's face one gets the account, the other the reason.
func TestRacingLinkConfirms(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen()
	p := h.logIn(c)
	id, _ := p.awaitFace(c)
	double := c
	double.Person.Person, double.OpenID = c.Person.Person+"-2", c.OpenID+"-2"
	h.sim.Add(double.Person)
	other := h.logIn(double)
	otherID, _ := other.awaitFace(c)
	urls := []string{h.url, h.listen(h.newServer(withProof(selfservice.ProofFace)))}
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			twin := *p
			twin.url = urls[i%2]
			r := twin.confirmLink(id)
			mu.Lock()
			defer mu.Unlock()
			got[r.Code]++
		})
	}
	wg.Wait()
	if got["OK"] != 1 || got["OK"]+got["LINK_GONE"]+got["ALREADY_LINKED"]+got["BUSY"] != 50 {
		t.Fatalf("got %v", got)
	}
	other.confirmLink(otherID).want(t, "ALREADY_LINKED")
	if n := h.count(`SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM events WHERE kind = 'linked') + (SELECT count(*) FROM link_proofs WHERE state = 'used')`); n != 3 {
		t.Errorf("%d links, events and used proofs, want one of each", n)
	}
}

// Starts are counted per person and per user, separately from those of resets. A failure of
// Alipay releases one.
func TestLinkProofLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen()
	p := h.logIn(c)
	for _, fault := range []string{"error", "html", "unsigned", "bad_signature"} {
		must(t, h.sim.Fault(fault, 1))
		p.post("/v1/link", c.linkBody()).want(t, "ALIPAY_UNAVAILABLE")
	}
	h.clock.Advance(16 * time.Minute)
	h.exec(`DELETE FROM lockouts`)
	h.exec(`UPDATE sessions SET seen_at = now() + interval '16 minutes'`)
	if n := h.count(`SELECT (SELECT coalesce(sum(count), 0) FROM daily_counts) + (SELECT count(*) FROM link_proofs)`); n != 0 {
		t.Fatalf("%d rows of verifications that Alipay did not start", n)
	}
	var id string
	for range linkProofsADay {
		id, _ = p.awaitFace(c)
	}
	r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_LIMIT")
	if r.HTTP != 429 || r.Retry < 1 || r.Retry > 24*60*60 || h.sim.Calls(initialize) != linkProofsADay+4 {
		t.Errorf("limit %s, Alipay was asked %d times", r.Raw, h.sim.Calls(initialize))
	}
	p.confirmLink(id).want(t, "OK") // the last one is still valid
	p.post("/v1/password/resets", m{}).want(t, "OK")
}

// Only an answer signed by Alipay counts.
func TestLinkTrustsOnlyAlipay(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(withStory("face_fails"))
	p := h.logIn(c)
	id, certifyID := p.awaitFace(c)
	for _, fault := range []string{"duplicate_root", "unsigned", "bad_signature", "other_app", "other_root", "error"} {
		for _, pass := range []bool{false, true} { // an unsigned pass does not count
			must(t, h.sim.Certify(certifyID, &pass))
			must(t, h.sim.Fault(fault, 1))
			p.confirmLink(id).want(t, "ALIPAY_UNAVAILABLE")
		}
	}
	p.get("/v1/link").want(t, "NOT_LINKED")
}

// A reset code replaces the password but not the proof.
func TestLinkByCodeAndFace(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen()
	h.issue(c, "8365017294")
	body := c.linkBody()
	delete(body, "password")
	body["reset_code"] = "8365017294"
	p := h.logIn(c)
	pending := p.post("/v1/link", body).want(t, "LINK_PROOF_REQUIRED").pending(t)
	p.confirmLink(pending.ID.String()).want(t, "OK")
	p.post("/v1/password/resets", m{"code": "8365017294"}).want(t, "OK") // still valid

	h.restart(withProof("certdoc,face"))
	d := h.citizen()
	h.issue(d, "8365017295")
	body = d.linkBody()
	delete(body, "password")
	body["reset_code"] = "0000000000"
	h.logIn(h.citizen()).post("/v1/link", body).want(t, "LINK_REFUSED")
	if n := h.count(`SELECT cardinality(tried_by) FROM reset_codes WHERE closed_at IS NULL`); n != 0 {
		t.Errorf("a stranger used %d tries of the code", n)
	}
}

// An account that has ended is refused before a face verification, which is billed.
func TestEndedBeforeFace(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(func(c *citizen) { c.Status = store.StatusMoved })
	h.logIn(c).post("/v1/link", c.linkBody()).want(t, "ACCOUNT_CLOSED")
	if n := h.sim.Calls(initialize); n != 0 {
		t.Errorf("%d verifications were started", n)
	}
}
