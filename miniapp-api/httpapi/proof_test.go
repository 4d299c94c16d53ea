package httpapi_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
)

// The next requested proof depends on the password state, the centre's list and what the
// citizen has. Each cell is an expected code.
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
		proof, initial selfservice.Proof
		set            [4]string // the code for has[i] with a chosen password
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
			h := newEnv(t, withProof(tt.proof), withInitialProof(tt.initial))
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

// A missing phone number is requested before the password is checked, so that the request
// reveals nothing and costs no attempt.
func TestPhoneIsAskedOfEverybodyAlike(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,phone"))
	c := h.citizen(uncertified)
	p := h.logIn(c)
	right, wrong := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED"), p.post("/v1/link", withPassword(c.linkBody(), "wrong"))
	if requestPart.ReplaceAllString(right.Raw, "") != requestPart.ReplaceAllString(wrong.Raw, "") {
		t.Errorf("differ: %s\n%s", right.Raw, wrong.Raw)
	}
	if n := h.count(`SELECT count(*) FROM lockouts`); n != 0 {
		t.Errorf("%d counters were charged", n)
	}
	p.show(h.payload(c, "")).want(t, "OK")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	abroad := h.citizen(uncertified, func(c *citizen) { c.IDType, c.IDNumber = "99", "A"+c.AccountNo[5:] }) // nothing compares this document
	q := h.logIn(abroad)
	q.show(h.payload(abroad, "")).want(t, "OK")
	q.post("/v1/link", abroad.linkBody()).want(t, "OK")
}

// If several proofs are possible the citizen may choose.
func TestChosenProof(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("phone,face"))
	c := h.citizen()
	p := h.logIn(c)
	if r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED"); r.asked() != "phone,face" || r.pending(t) != nil || h.sim.Calls(initialize) != 0 {
		t.Fatalf("asked %s", r.Raw)
	}
	pending := p.post("/v1/link", with(c.linkBody(), "proof", "face")).want(t, "LINK_PROOF_REQUIRED").pending(t)
	p.confirmLink(pending.ID.String()).want(t, "OK")
	d := h.citizen(initial) // for whom the phone is not accepted
	h.logIn(d).post("/v1/link", with(d.linkBody(), "proof", "phone")).want(t, "LINK_REFUSED")
	for _, unknown := range []string{"none", "certdoc", "fax"} {
		h.logIn(d).post("/v1/link", with(d.linkBody(), "proof", unknown)).want(t, "BAD_REQUEST")
	}
}

// After the daily limit of face verifications the other proofs are offered.
func TestProofBesideTheLimit(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("face,phone"))
	c := h.citizen()
	p := h.logIn(c)
	for range linkProofsADay {
		if r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED"); r.asked() != "face,phone" {
			t.Fatalf("asked %s", r.Raw)
		}
	}
	if r := p.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_REQUIRED"); r.asked() != "phone" || r.pending(t) != nil {
		t.Errorf("asked %s", r.Raw)
	}
	p.show(h.payload(c, "")).want(t, "OK")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
}

// T1, T6, T35: strangers with the right ID number and initial password, whose Alipay belongs to
// another person, get no link with any accepted proofs, and unless a verification was started
// the same answer as for a wrong password.
func TestStrangersWithTheInitialPassword(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		proof, initial selfservice.Proof
		strangers      int // in the long tier
	}{
		{"certdoc", "", 10}, {"face", "", 40}, {"certdoc,face", "", 10}, {"certdoc,phone", "", 10},
		{"certdoc,face,phone", "", 40}, {"phone", "phone", 10}, {"none", "certdoc", 10},
	} {
		t.Run(fmt.Sprintf("%s for initial %s", tt.proof, tt.initial), func(t *testing.T) {
			h := newEnv(t, withProof(tt.proof), withInitialProof(tt.initial))
			victim := h.citizen(initial, withStory("face_fails"))
			got, looks := h.besiege(victim, testenv.Rounds(10, tt.strangers))
			if n := h.count(`SELECT count(*) FROM links`); n != 0 {
				t.Fatalf("%d links", n)
			}
			if len(looks) != 1 {
				t.Errorf("refusals look different: %v", looks)
			}
			initial, err := cmp.Or(h.server.InitialProof, h.server.Proof.ForInitial()).List()
			must(t, err)
			faces, byFace := h.sim.Calls(initialize), slices.Contains(initial, selfservice.ProofFace)
			if faces > linkProofsOfPersonADay || byFace != (faces > 0) {
				t.Errorf("%d face verifications were started", faces)
			}
			byPhone := strings.Contains(string(h.server.Proof+h.server.InitialProof), "phone")
			if n := got["LINK_PROOF_REQUIRED"] + got["LINK_PROOF_LIMIT"]; !byFace && !byPhone && n != 0 || n > 5 && byFace {
				t.Errorf("%d strangers learned that the password is right: %v", n, got)
			}
			if slices.Contains(initial, selfservice.ProofCertdoc) {
				h.logIn(victim).post("/v1/link", victim.linkBody()).want(t, "OK")
			}
		})
	}
}

// besiege has strangers try the victim's password several times each, and a wrong one once;
// every other stranger has a verified phone. It counts the codes and the distinct refusals.
func (h *env) besiege(victim citizen, strangers int) (codes, looks map[string]int) {
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
			tries := testenv.Rounds(4, 25)
			for n := range tries {
				body := victim.linkBody()
				if n == tries-1 {
					body = withPassword(body, "wrong-password")
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

// Valid lists of proofs are parsed, others rejected.
func TestProofList(t *testing.T) {
	t.Parallel()
	for text, want := range map[selfservice.Proof]string{
		"certdoc": "[certdoc]", "certdoc,face,phone": "[certdoc face phone]", " phone , certdoc": "[phone certdoc]", "none": "[none]", "": "[]",
		"none,certdoc": "", "certdoc,certdoc": "", "sms,face": "[sms face]", "fax": "", "certdoc,": "", "Face": "",
	} {
		list, err := text.List()
		if got := fmt.Sprint(list); want != "" && got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	h := newEnv(t)
	for _, tt := range []struct{ proof, initial selfservice.Proof }{{"phone", ""}, {"", ""}, {"fax", ""}, {"certdoc", "fax"}, {"sms", ""}, {"certdoc", "sms"}} {
		_, err := New(Config{DB: h.db, Alipay: h.server.Alipay, Policy: h.server.Policy, Hasher: h.server.Hasher, Proof: tt.proof, InitialProof: tt.initial})
		if err == nil {
			t.Errorf("%q for initial %q was accepted", tt.proof, tt.initial)
		}
	}
	if _, err := signing.VerificationFor("03", "E12345678"); !errors.Is(err, signing.ErrIDType) {
		t.Error(err)
	}
}
