package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// faceFirst returns the link form with face_first instead of the password.
func (c citizen) faceFirst() m {
	b := with(c.linkBody(), "face_first", true)
	delete(b, "password")
	return b
}

// showFaceFirst passes the face verification before the password and returns its id.
func (p *client) showFaceFirst(c citizen) string {
	p.h.t.Helper()
	pending := p.post("/v1/link", c.faceFirst()).want(p.h.t, "LINK_PROOF_REQUIRED").pending(p.h.t)
	yes := true
	must(p.h.t, p.h.sim.Certify(pending.CertifyID, &yes))
	return pending.ID.String()
}

// offersFace reports whether a refusal offers to verify the face first.
func (r reply) offersFace(t testing.TB) bool {
	t.Helper()
	var p struct {
		Offered bool `json:"face_first_offered"`
	}
	must(t, json.Unmarshal([]byte(r.Raw), &p))
	return p.Offered
}

// After a stranger's failed attempts have locked the public scope, the unlinked owner verifies
// the face first and links.
func TestStrangersDoNotLockTheOwnerOut(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]envOption{
		"face":               {withProof(selfservice.ProofFace)},
		"face or phone":      {withProof("face,phone")},
		"face for initial":   {withProof(selfservice.ProofNone), withInitialProof(selfservice.ProofFace)},
		"certdoc, or face":   {withProof("certdoc,face")},
		"spraying of others": {withProof(selfservice.ProofFace), withSpraying(5, 1, 600)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, opts...)
			c := h.citizen(withStory("face_pending"), uncertified, initial)
			stranger, p := h.logIn(h.citizen()), h.logIn(c)
			for i := range 12 {
				stranger.post("/v1/link", withPassword(c.linkBody(), fmt.Sprint("wrong-password-", i))).want(t, "LINK_REFUSED")
			}
			h.logIn(h.citizen()).post("/v1/link", withPassword(h.citizen().linkBody(), "wrong-password"))
			r := p.post("/v1/link", c.linkBody())
			if r.Code != "LINK_REFUSED" && r.Code != "TOO_MANY_REQUESTS" || !r.offersFace(t) {
				t.Fatalf("the owner gets %s", r.Raw)
			}
			id := p.showFaceFirst(c)
			p.confirmLink(id).want(t, "LINK_GONE") // the password was not checked
			p.post("/v1/link", with(withPassword(c.linkBody(), "wrong-password"), "face_id", id)).want(t, "LINK_REFUSED")
			p.post("/v1/link", with(c.linkBody(), "face_id", id)).want(t, "OK")
			p.post("/v1/link", with(c.linkBody(), "face_id", id)).want(t, "ALREADY_LINKED")
			locked := `SELECT count(*) FROM lockouts WHERE person_digest = $1 AND scope = $2 AND locked_until IS NOT NULL`
			if n := h.count(locked, h.personDigest(c), store.PublicScope); n != 1 && name != "spraying of others" {
				t.Error("the owner's link has cleared the public scope")
			}
			if n := h.count(`SELECT count(*) FROM link_proofs WHERE state = 'used' AND account_id IS NOT NULL AND proof_id = $1`, uuid.MustParse(id)); n != 1 {
				t.Error("the face is not used up")
			}
		})
	}
}

// A face verification is bound to its claim and session, valid once and for half an hour, and
// has its own lockout counter.
func TestFaceFirstIsBound(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c, d := h.citizen(withStory("face_pending")), h.citizen()
	p := h.logIn(c)
	pending := p.post("/v1/link", c.faceFirst()).want(t, "LINK_PROOF_REQUIRED").pending(t)
	id := pending.ID.String()
	withFace := func(c citizen) m { return with(c.linkBody(), "face_id", id) }
	p.post("/v1/link", withFace(c)).want(t, "IDENTITY_NOT_PROVEN")
	no, yes := false, true
	must(t, h.sim.Certify(pending.CertifyID, &no))
	p.post("/v1/link", withFace(c)).want(t, "IDENTITY_NOT_PROVEN")
	must(t, h.sim.Certify(pending.CertifyID, &yes))
	p.post("/v1/link", withFace(d)).want(t, "LINK_GONE")
	p.post("/v1/link", with(withFace(c), "name", "欧阳别人")).want(t, "LINK_GONE")
	p.post("/v1/link", with(withFace(c), "face_id", uuid.NewString())).want(t, "LINK_GONE")
	p.post("/v1/link", with(withFace(c), "face_id", "none")).want(t, "BAD_REQUEST")
	p.post("/v1/link", with(withFace(c), "face_first", true)).want(t, "BAD_REQUEST")
	p.post("/v1/link", with(c.linkBody(), "face_first", true)).want(t, "BAD_REQUEST")
	h.logIn(c).post("/v1/link", withFace(c)).want(t, "LINK_GONE")
	h.logIn(d).post("/v1/link", withFace(c)).want(t, "LINK_GONE")
	usual, _ := p.awaitFace(h.citizen()) // of another kind; replaces the first
	p.post("/v1/link", withFace(c)).want(t, "LINK_GONE")
	p.post("/v1/link", with(c.linkBody(), "face_id", usual)).want(t, "LINK_GONE")

	id = p.showFaceFirst(c)
	for i := range 4 {
		p.post("/v1/link", withPassword(withFace(c), fmt.Sprint("wrong-password-", i))).want(t, "LINK_REFUSED")
	}
	p.post("/v1/link", withPassword(withFace(c), "wrong-password-4")).want(t, "PASSWORD_LOCKED") // in their own scope
	p.post("/v1/link", withFace(c)).want(t, "PASSWORD_LOCKED")
	if n := h.count(`SELECT count(*) FROM lockouts WHERE person_digest = $1 AND scope = $2`, h.personDigest(c), store.PublicScope); n != 0 {
		t.Error("the attempts were charged to the public scope")
	}
	h.clock.Advance(store.LinkProofLife + time.Second)
	h.exec(`UPDATE sessions SET seen_at = now() + interval '31 minutes'`)
	p.post("/v1/link", withFace(c)).want(t, "LINK_GONE")
}

// The answers are the same for every claim and no account is read. Starts are limited per
// Alipay user and per person, even for unknown people, and a claim that Alipay refuses stays
// charged.
func TestFaceFirstTellsNothing(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	known, frozen := h.citizen(), h.citizen()
	closed := h.citizen(func(c *citizen) { c.Status = store.StatusMoved })
	nobody := known
	nobody.IDNumber = idNumber("19910315", 77)
	h.exec(`UPDATE password_credentials SET state = 'frozen' WHERE account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(frozen))
	for name, c := range map[string]citizen{"known": known, "unknown": nobody, "closed": closed, "frozen": frozen} {
		p := h.logIn(h.citizen())
		for range linkProofsADay {
			pending := p.post("/v1/link", c.faceFirst()).want(t, "LINK_PROOF_REQUIRED").pending(t)
			if pending == nil || pending.CertifyID == "" {
				t.Errorf("%s: nothing was started", name)
			}
		}
		p.post("/v1/link", c.faceFirst()).want(t, "LINK_PROOF_LIMIT")
		p.post("/v1/link", known.faceFirst()).want(t, "LINK_PROOF_LIMIT")
		refusal := p.post("/v1/link", withPassword(c.linkBody(), "wrong-password")).want(t, "LINK_REFUSED")
		if !refusal.offersFace(t) {
			t.Errorf("%s: the face is not offered", name)
		}
	}
	h.exec(`UPDATE daily_counts SET count = $2 WHERE subject_digest = $1`, h.personDigest(nobody), linkProofsOfPersonADay)
	h.logIn(h.citizen()).post("/v1/link", nobody.faceFirst()).want(t, "LINK_PROOF_LIMIT")

	p := h.logIn(h.citizen())
	must(t, h.sim.Fault("error", 1))
	p.post("/v1/link", known.faceFirst()).want(t, "ALIPAY_UNAVAILABLE")
	for range linkProofsADay { // the failed start was released
		p.post("/v1/link", known.faceFirst()).want(t, "LINK_PROOF_REQUIRED")
	}
	passport := with(with(known.faceFirst(), "id_type", "02"), "id_number", "E12345678")
	h.logIn(h.citizen()).post("/v1/link", passport).want(t, "NOT_OFFERED")
	h.restart(withProof(selfservice.ProofCertdoc))
	h.logIn(h.citizen()).post("/v1/link", known.faceFirst()).want(t, "NOT_OFFERED")
	if h.logIn(h.citizen()).post("/v1/link", known.linkBody()).want(t, "LINK_REFUSED").offersFace(t) {
		t.Error("the face is offered where it proves nothing")
	}
}

// A face that was verified first transfers a link, and a repeated request after a lost answer
// continues the transfer.
func TestFaceFirstTakesOver(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace), func(c *Config) { c.Transfer = selfservice.TransferPolicy{Offered: true, Window: 24 * time.Hour} })
	c := h.citizen(withStory("face_pending"))
	holder := h.logIn(c)
	holder.post("/v1/link", with(c.linkBody(), "face_id", holder.showFaceFirst(c))).want(t, "OK")
	second := c
	second.Person.Person, second.OpenID = c.Person.Person+"-2", c.OpenID+"-2"
	h.sim.Add(second.Person)
	q := h.logIn(second)
	body := with(c.linkBody(), "face_id", q.showFaceFirst(c))
	q.post("/v1/link", body).want(t, "ALREADY_LINKED")
	body["transfer"] = true
	first := q.post("/v1/link", body, key("over")).want(t, "TRANSFER_WAITING")
	h.loseReply("over")
	again := q.post("/v1/link", body, key("over")).want(t, "TRANSFER_WAITING")
	one, _ := first.transferOf(t)
	two, _ := again.transferOf(t)
	if one.ID != two.ID {
		t.Errorf("requested %s, and then %s", one.ID, two.ID)
	}
	q.post("/v1/link", body).want(t, "LINK_GONE")
	holder.get("/v1/link").want(t, "OK")
}

// A repeat of the link after a lost answer returns the link.
func TestFaceFirstAgain(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(withStory("face_pending"))
	p := h.logIn(c)
	body := with(c.linkBody(), "face_id", p.showFaceFirst(c))
	p.post("/v1/link", body, key("link")).want(t, "OK")
	h.loseReply("link")
	p.post("/v1/link", body, key("link")).want(t, "OK")
}

// A repeated face_first request starts no verification if the citizen has been linked
// meanwhile, because each start is billed.
func TestFaceFirstAfterTheLink(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(withStory("face_pending"))
	p := h.logIn(c)
	p.post("/v1/link", c.faceFirst(), key("first")).want(t, "LINK_PROOF_REQUIRED")
	p.post("/v1/link", with(c.linkBody(), "face_id", p.showFaceFirst(c))).want(t, "OK")
	h.loseReply("first")
	p.post("/v1/link", c.faceFirst(), key("first")).want(t, "ALREADY_LINKED")
}

// A frozen initial password requires the proofs of an initial one, with a reset code, too.
func TestFrozenInitialPassword(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,face"), withInitialProof(selfservice.ProofFace))
	c := h.citizen(initial)
	h.exec(`UPDATE password_credentials SET state = 'frozen' WHERE account_id = (SELECT account_id FROM accounts WHERE account_no_digest = $1)`, h.accountDigest(c))
	h.issue(c, "3141592653")
	h.logIn(c).post("/v1/link", c.codeBody("3141592653")).want(t, "LINK_PROOF_REQUIRED")
}

// A person who verifies their face on a relative's phone without linking does not see the
// relative's sessions and phone number.
func TestFaceOnARelativesPhone(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,face"))
	c, relative := h.citizen(withStory("face_pending")), h.citizen()
	owner, p := h.linkedClient(c), h.logIn(relative)
	p.send("POST", "/v1/phone", h.payload(relative, "")).want(t, "OK")
	p.post("/v1/link", with(withPassword(c.linkBody(), "wrong-password"), "face_id", p.showFaceFirst(c))).want(t, "LINK_REFUSED")
	if n := h.count(`SELECT count(*) FROM lockouts WHERE person_digest = $1 AND scope <> $2 AND attempts = 1`, h.personDigest(c), store.PublicScope); n != 1 {
		t.Fatalf("%d scopes with an attempt, want that of the face", n)
	}
	if r := owner.get("/v1/me/data").want(t, "OK"); strings.Contains(r.Raw, document.MaskPhone(relative.Phone)) {
		t.Error("the owner sees the relative's phone")
	}
}
