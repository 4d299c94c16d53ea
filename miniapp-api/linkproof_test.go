package miniapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/signing"
	"fundpass/store"
)

func withInitialProof(p Proof) houseOption { return func(c *Config) { c.InitialProof = p } }

// restart puts another server in the place of the first.
func (h *house) restart(opts ...houseOption) {
	h.t.Helper()
	h.server = h.newServer(opts...)
	h.db = h.server.db
	h.url = h.listen(h.server)
}

func initial(c *citizen) { c.InitialRule, c.Password = "id-last6", c.IDNumber[12:] }

func uncertified(c *citizen) { c.Certified = false }

// pending is the link that a LINK_PROOF_REQUIRED has started.
func (r reply) pending(t testing.TB) *PendingLink {
	t.Helper()
	var p struct {
		Pending *PendingLink `json:"pending"`
	}
	must(t, json.Unmarshal([]byte(r.Raw), &p))
	return p.Pending
}

// asked are the proofs a reply asks for, in its order.
func (r reply) asked() string {
	var all []string
	for _, e := range r.Errors {
		all = append(all, e.Field)
	}
	return strings.Join(all, ",")
}

// awaitFace begins a link and returns the pending one's id and Alipay's certify_id.
func (p *phone) awaitFace(c citizen) (id, certifyID string) {
	p.h.t.Helper()
	pending := p.post("/v1/link", c.linkBody()).want(p.h.t, "LINK_PROOF_REQUIRED").pending(p.h.t)
	if pending == nil {
		p.h.t.Fatal("no face verification was started")
	}
	return pending.ID.String(), pending.CertifyID
}

func (p *phone) confirmLink(id string, headers ...header) reply {
	p.h.t.Helper()
	return p.post("/v1/link/"+id+"/confirm", m{}, headers...)
}

// What is verified comes from the record, and when it has passed the link is as any
// other; the guess is given back, and the citizen's record and notice are written.
func TestLinkByFace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofFace))
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
			if n := h.count(`SELECT used FROM guess_budgets WHERE person_digest = $1 AND lane = $2`, h.personDigest(c), store.PublicLane); n != 1 {
				t.Errorf("%d guesses charged while the link waits, want 1", n)
			}
			must(t, h.sim.Certify(pending.CertifyID, &yes))
			done := p.confirmLink(id).want(t, "OK")
			if shown := p.get("/v1/link").want(t, "OK"); string(shown.Data) != string(done.Data) {
				t.Errorf("told %s, shown %s", done.Data, shown.Data)
			}
			if n := h.count(`SELECT used FROM guess_budgets WHERE person_digest = $1 AND lane = $2`, h.personDigest(c), store.PublicLane); n != 0 {
				t.Errorf("%d guesses charged after the link, want 0", n)
			}
			account := `(SELECT account_id FROM accounts WHERE account_no_digest = $1)`
			if n := h.count(`SELECT (SELECT count(*) FROM events WHERE kind = 'linked' AND account_id = `+account+`) + (SELECT count(*) FROM outbox WHERE kind = 'linked' AND account_id = `+account+`)`, h.accountDigest(c)); n != 2 {
				t.Errorf("%d events and notices, want one of each", n)
			}
		})
	}
}

// What is asked for next follows from the state, the centre's list and what the
// citizen has; every cell says what happens to whom.
func TestProofMatrix(t *testing.T) {
	t.Parallel()
	const linked, refused = "OK", "LINK_REFUSED"
	has := []struct {
		name           string
		certified      bool
		phone, foreign bool
	}{
		{"nothing", false, false, false},
		{"certificate", true, false, false},
		{"phone", false, true, false},
		{"another phone", false, false, true},
	}
	for _, tt := range []struct {
		proof, initial Proof
		set            [4]string // what somebody with has[i] and a password of their own is told
		derived        [4]string // and with an initial one
	}{
		{"certdoc", "", [4]string{refused, linked, refused, refused}, [4]string{refused, linked, refused, refused}},
		{"face", "", [4]string{"face", "face", "face", "face"}, [4]string{"face", "face", "face", "face"}},
		{"certdoc,face", "", [4]string{"face", linked, "face", "face"}, [4]string{"face", linked, "face", "face"}},
		{"certdoc,phone", "", [4]string{"phone", linked, linked, refused}, [4]string{"phone", linked, refused, refused}},
		{"certdoc,face,phone", "", [4]string{"face,phone", linked, linked, "face"}, [4]string{"face", linked, "face", "face"}},
		{"phone,face", "certdoc", [4]string{"phone,face", "phone,face", linked, "face"}, [4]string{refused, linked, refused, refused}},
		{"phone", "face", [4]string{"phone", "phone", linked, refused}, [4]string{"face", "face", "face", "face"}},
		{"phone", "phone", [4]string{"phone", "phone", linked, refused}, [4]string{"phone", "phone", linked, refused}},
		{"none", "", [4]string{linked, linked, linked, linked}, [4]string{linked, linked, linked, linked}},
		{"none", "certdoc", [4]string{linked, linked, linked, linked}, [4]string{refused, linked, refused, refused}},
	} {
		t.Run(fmt.Sprintf("%s for initial %s", tt.proof, tt.initial), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, withProof(tt.proof), withInitialProof(tt.initial))
			for i, have := range has {
				for _, state := range []string{"set", "initial", "must_change", "set to what can be derived"} {
					c := h.citizen(func(c *citizen) {
						c.Certified = have.certified
						switch state {
						case "initial":
							initial(c)
						case "set to what can be derived":
							c.Password = c.IDNumber[12:]
						}
					})
					if state == "must_change" {
						h.exec(`UPDATE password_credentials SET state = 'must_change' WHERE account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(c))
					}
					p := h.logIn(c)
					switch {
					case have.phone:
						p.show(h.payload(c, "")).want(t, "OK")
					case have.foreign:
						moved := c
						moved.Phone = "198" + c.Phone[3:]
						h.sim.Add(moved.Person)
						p.show(h.payload(moved, "")).want(t, "OK")
					}
					want := tt.set[i]
					if state != "set" {
						want = tt.derived[i]
					}
					r := p.post("/v1/link", c.linkBody())
					got := r.Code
					if got == "LINK_PROOF_REQUIRED" {
						got = r.asked()
						if (r.pending(t) != nil) != strings.HasPrefix(got, "face") {
							t.Errorf("%s, %s: pending is %v", have.name, state, r.pending(t))
						}
					}
					if got != want {
						t.Errorf("%s, %s password: got %s, want %s", have.name, state, got, want)
					}
				}
			}
		})
	}
}

// A phone that is missing is asked for before the password is looked at, so the
// question tells a stranger nothing and costs the owner no guess.
func TestPhoneIsAskedOfEverybodyAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof("certdoc,phone"))
	c := h.citizen(uncertified)
	p := h.logIn(c)
	right, wrong := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED"), p.post("/v1/link", withPassword(c.linkBody(), "wrong"))
	if requestPart.ReplaceAllString(right.Raw, "") != requestPart.ReplaceAllString(wrong.Raw, "") {
		t.Errorf("differ: %s\n%s", right.Raw, wrong.Raw)
	}
	if n := h.count(`SELECT count(*) FROM guess_budgets`); n != 0 {
		t.Errorf("%d budgets were charged", n)
	}
	p.show(h.payload(c, "")).want(t, "OK")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	abroad := h.citizen(uncertified, func(c *citizen) { c.IDType, c.IDNumber = "99", "A"+c.AccountNo[5:] }) // nothing compares this document
	q := h.logIn(abroad)
	q.show(h.payload(abroad, "")).want(t, "OK")
	q.post("/v1/link", abroad.linkBody()).want(t, "OK")
}

// Where several would do, the citizen may choose.
func TestChosenProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof("phone,face"))
	c := h.citizen()
	p := h.logIn(c)
	if r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED"); r.asked() != "phone,face" || r.pending(t) != nil || h.sim.Calls(initialize) != 0 {
		t.Fatalf("asked %s", r.Raw)
	}
	pending := p.post("/v1/link", with(c.linkBody(), "proof", "face")).want(t, "LINK_PROOF_REQUIRED").pending(t)
	p.confirmLink(pending.ID.String()).want(t, "OK")
	d := h.citizen(initial) // for whom the phone is not accepted
	h.logIn(d).post("/v1/link", with(d.linkBody(), "proof", "phone")).want(t, "LINK_REFUSED")
	for _, unknown := range []string{"none", "certdoc", "sms"} {
		h.logIn(d).post("/v1/link", with(d.linkBody(), "proof", unknown)).want(t, "BAD_REQUEST")
	}
}

// T1, T6, T35: strangers with the right ID number and the right initial password, whose
// Alipay is another person's, get no link whatever the centre accepts, and where
// nothing was started for them one and the same answer as with a wrong password.
func TestStrangersWithTheInitialPassword(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		proof, initial Proof
		strangers      int // 25 attempts each
	}{
		{"certdoc", "", 10}, {"face", "", 40}, {"certdoc,face", "", 10}, {"certdoc,phone", "", 10},
		{"certdoc,face,phone", "", 40}, {"phone", "phone", 10}, {"none", "certdoc", 10},
	} {
		t.Run(fmt.Sprintf("%s for initial %s", tt.proof, tt.initial), func(t *testing.T) {
			h := newHouse(t, withProof(tt.proof), withInitialProof(tt.initial))
			victim := h.citizen(initial, withStory("face_fails"))
			got, looks := h.besiege(victim, tt.strangers)
			if n := h.count(`SELECT count(*) FROM alipay_links`); n != 0 {
				t.Fatalf("%d links", n)
			}
			if len(looks) != 1 {
				t.Errorf("refusals look different: %v", looks)
			}
			faces, byFace := h.sim.Calls(initialize), slices.Contains(h.server.accepted.initial, ProofFace)
			if faces > linkProofsADay || byFace != (faces > 0) {
				t.Errorf("%d face verifications were started", faces)
			}
			byPhone := slices.Contains(h.server.accepted.union(), ProofPhone)
			if n := got["LINK_PROOF_REQUIRED"] + got["LINK_PROOF_LIMIT"]; !byFace && !byPhone && n != 0 || n > 5 && byFace {
				t.Errorf("%d strangers learned that the password is right: %v", n, got)
			}
			if slices.Contains(h.server.accepted.initial, ProofCertdoc) {
				h.logIn(victim).post("/v1/link", victim.linkBody()).want(t, "OK")
			}
		})
	}
}

// besiege has strangers try the victim's very password 24 times each, and a wrong one
// once; every other one has shown a phone of their own. It counts codes, and how
// refusals look.
func (h *house) besiege(victim citizen, strangers int) (codes, looks map[string]int) {
	h.t.Helper()
	codes, looks = map[string]int{}, map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range strangers {
		stranger := h.citizen(func(c *citizen) { c.IDNumber = idNumber("19700101", i) })
		p := h.logIn(stranger)
		if i%2 == 0 {
			p.show(h.payload(stranger, "")).want(h.t, "OK")
		}
		wg.Go(func() {
			for n := range 25 {
				body := victim.linkBody()
				if n == 24 {
					body = withPassword(body, "wrong-guess")
				}
				r := p.post("/v1/link", body)
				if pending := r.pending(h.t); pending != nil {
					p.confirmLink(pending.ID.String()).want(h.t, "IDENTITY_NOT_PROVEN")
				}
				mu.Lock()
				codes[r.Code]++
				if r.Code == "LINK_REFUSED" {
					looks[requestPart.ReplaceAllString(r.Raw, "")]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return codes, looks
}

// T17: a pending link belongs to one session of one user, is good once and for half an
// hour, and falls with the password that was right.
func TestPendingLinkIsBound(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofFace))
	c, d := h.citizen(), h.citizen()
	p := h.logIn(c)
	id, _ := p.awaitFace(c)
	for name, q := range map[string]*phone{"another session": h.logIn(c), "another user": h.logIn(d)} {
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

// Of fifty confirms at once over two processes one links; of two users whose face is
// the same person's one holds the account, and the other is told why.
func TestRacingLinkConfirms(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofFace))
	c := h.citizen()
	p := h.logIn(c)
	id, _ := p.awaitFace(c)
	double := c
	double.Person.Person, double.OpenID = c.Person.Person+"-2", c.OpenID+"-2"
	h.sim.Add(double.Person)
	other := h.logIn(double)
	otherID, _ := other.awaitFace(c)
	urls := []string{h.url, h.listen(h.newServer(withProof(ProofFace)))}
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
	if n := h.count(`SELECT (SELECT count(*) FROM alipay_links) + (SELECT count(*) FROM events WHERE kind = 'linked') + (SELECT count(*) FROM link_proofs WHERE state = 'used')`); n != 3 {
		t.Errorf("%d links, events and used proofs, want one of each", n)
	}
}

// Starts are counted by person and by user, a failure of Alipay's gives one back, and
// the counts are not those of resets.
func TestLinkProofLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofFace))
	c := h.citizen()
	p := h.logIn(c)
	for _, fault := range []string{"error", "html", "unsigned", "bad_signature"} {
		must(t, h.sim.Fault(fault, 1))
		p.post("/v1/link", c.linkBody()).want(t, "ALIPAY_UNAVAILABLE")
	}
	h.clock.Advance(16 * time.Minute)
	h.exec(`DELETE FROM guess_budgets`)
	h.exec(`UPDATE sessions SET seen_at = now() + interval '16 minutes'`)
	if n := h.count(`SELECT coalesce(sum(count), 0) + (SELECT count(*) FROM link_proofs) FROM daily_counts`); n != 0 {
		t.Fatalf("%d traces of verifications that Alipay did not begin", n)
	}
	var id string
	for range linkProofsADay {
		id, _ = p.awaitFace(c)
	}
	r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_LIMIT")
	if r.HTTP != 429 || r.Retry < 1 || r.Retry > 24*60*60 || h.sim.Calls(initialize) != linkProofsADay+4 {
		t.Errorf("limit %s, Alipay was asked %d times", r.Raw, h.sim.Calls(initialize))
	}
	p.confirmLink(id).want(t, "OK") // the last one started is still good
	p.post("/v1/password/resets", m{}).want(t, "OK")
}

// Alipay's answer must be Alipay's.
func TestLinkTrustsOnlyAlipay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofFace))
	c := h.citizen(withStory("face_fails"))
	p := h.logIn(c)
	id, certifyID := p.awaitFace(c)
	for _, fault := range []string{"duplicate_root", "unsigned", "bad_signature", "other_app", "other_root", "error"} {
		for _, pass := range []bool{false, true} { // a yes that is not signed is no yes
			must(t, h.sim.Certify(certifyID, &pass))
			must(t, h.sim.Fault(fault, 1))
			p.confirmLink(id).want(t, "ALIPAY_UNAVAILABLE")
		}
	}
	p.get("/v1/link").want(t, "NOT_LINKED")
}

// A clerk's code stands in for the password, not for the proof.
func TestLinkByCodeAndFace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofFace))
	c := h.citizen()
	h.issue(c, "8365017294")
	body := c.linkBody()
	delete(body, "password")
	body["reset_code"] = "8365017294"
	p := h.logIn(c)
	pending := p.post("/v1/link", body).want(t, "LINK_PROOF_REQUIRED").pending(t)
	p.confirmLink(pending.ID.String()).want(t, "OK")
	p.post("/v1/password/resets", m{"code": "8365017294"}).want(t, "OK") // still good

	h.restart(withProof("certdoc,face"))
	d := h.citizen()
	h.issue(d, "8365017295")
	body = d.linkBody()
	delete(body, "password")
	body["reset_code"] = "0000000000"
	h.logIn(h.citizen()).post("/v1/link", body).want(t, "LINK_REFUSED")
	if n := h.count(`SELECT tries FROM reset_codes WHERE closed_at IS NULL`); n != 0 {
		t.Errorf("a stranger took %d tries of somebody's code", n)
	}
}

// Lists are read as they are written, or refused.
func TestProofList(t *testing.T) {
	t.Parallel()
	for text, want := range map[Proof]string{
		"certdoc": "[certdoc]", "certdoc,face,phone": "[certdoc face phone]", " phone , certdoc": "[phone certdoc]", "none": "[none]", "": "[]",
		"none,certdoc": "", "certdoc,certdoc": "", "sms": "", "certdoc,": "", "Face": "",
	} {
		list, err := text.List()
		if got := fmt.Sprint(list); want != "" && got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	h := newHouse(t)
	for _, tt := range []struct{ proof, initial Proof }{{"phone", ""}, {"", ""}, {"sms", ""}, {"certdoc", "sms"}} {
		_, err := New(Config{DB: h.db, Alipay: h.server.alipay, Policy: h.server.policy, Hasher: h.server.hasher, Proof: tt.proof, InitialProof: tt.initial})
		if err == nil {
			t.Errorf("%q for initial %q was accepted", tt.proof, tt.initial)
		}
	}
	if _, err := signing.VerificationFor("03", "E12345678"); !errors.Is(err, signing.ErrIDType) {
		t.Error(err)
	}
}
