package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// codeBody returns the link form with a reset code instead of the password.
func (c citizen) codeBody(code string) m {
	b := with(c.linkBody(), "reset_code", code)
	delete(b, "password")
	return b
}

// Ten wrong codes of a stranger do not invalidate the holder's code at a centre where nobody
// can be verified first. Each stranger has five tries.
func TestStrangerDoesNotEndACode(t *testing.T) {
	t.Parallel()
	for _, proof := range []selfservice.Proof{selfservice.ProofNone, selfservice.ProofFace} {
		t.Run(string(proof), func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withProof(proof))
			c := h.citizen()
			h.issue(c, "3141592653")
			stranger, p := h.logIn(h.citizen()), h.logIn(c)
			for i := range 10 {
				stranger.post("/v1/link", c.codeBody(fmt.Sprintf("000000000%d", i))).want(t, "LINK_REFUSED")
			}
			stranger.post("/v1/link", c.codeBody("3141592653")).want(t, "LINK_REFUSED")
			for i := range store.ResetCodeTries - 1 {
				p.post("/v1/link", c.codeBody(fmt.Sprintf("111111111%d", i))).want(t, "LINK_REFUSED")
			}
			want := map[selfservice.Proof]string{selfservice.ProofNone: "OK", selfservice.ProofFace: "LINK_PROOF_REQUIRED"}[proof]
			p.post("/v1/link", c.codeBody("3141592653")).want(t, want)
			if n := strings.Count(h.logs.String(), `"msg":"reset code out of tries","by":"user"`); n != 1 {
				t.Errorf("%d log lines about the stranger's tries, want 1", n)
			}
			if logs := h.logs.String(); strings.Contains(logs, "3141592653") || strings.Contains(logs, c.IDNumber) {
				t.Error("the log names the code or the citizen")
			}
		})
	}
}

// All strangers together have a limit of tries, which is logged once. Verified users keep their
// own tries.
func TestManyStrangersAtOneCode(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), withSpraying(5, 9999, 99_999))
	c, fresh := h.citizen(), h.citizen()
	owner := h.linkedClient(c)
	h.issue(c, "3141592653")
	for range store.ResetCodeTriesOfAll / store.ResetCodeTries {
		stranger := h.logIn(h.citizen())
		for i := range store.ResetCodeTries {
			stranger.post("/v1/link", c.codeBody(fmt.Sprintf("000000000%d", i))).want(t, "LINK_REFUSED")
		}
	}
	h.logIn(fresh).post("/v1/link", c.codeBody("3141592653")).want(t, "LINK_REFUSED")
	if n := strings.Count(h.logs.String(), `"msg":"reset code out of tries","by":"all"`); n != 1 {
		t.Errorf("%d log lines about the code's tries, want 1", n)
	}
	owner.post("/v1/password/resets", m{"code": "0000000000"}).want(t, "RESET_CODE_WRONG")
	owner.post("/v1/password/resets", m{"code": "3141592653"}).want(t, "OK")
}

// Wrong codes for many people count as spraying, a right one does not.
func TestCodesAreSpraying(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), withSpraying(2, 200, 600))
	p := h.logIn(h.citizen())
	var people []citizen
	for range 3 {
		c := h.citizen()
		h.issue(c, "3141592653")
		people = append(people, c)
	}
	p.post("/v1/link", people[0].codeBody("3141592653")).want(t, "OK")
	p.post("/v1/link/remove", m{"password": people[0].Password}).want(t, "OK")
	if n := h.count(`SELECT coalesce(sum(tried), 0) FROM spraying`); n != 0 {
		t.Errorf("%d people tried in vain after a right code, want 0", n)
	}
	for _, c := range people[:2] {
		p.post("/v1/link", c.codeBody("0000000000")).want(t, "LINK_REFUSED")
	}
	p.post("/v1/link", people[2].codeBody("3141592653")).want(t, "LINK_REFUSED")
	if n := h.count(`SELECT count(*) FROM reset_codes WHERE cardinality(tried_by) > 0`); n != 2 {
		t.Errorf("%d codes had a try charged, want 2: a refused try charges nothing", n)
	}
	h.wantSprayed(map[string]int{"user": 1, "address": 0, "global": 0})
}

// A link that waits for a face becomes invalid when its reset code is replaced or used.
func TestReplacedCodeDoesNotTakeOver(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(withStory("face_pending"))
	holder := h.logIn(c)
	id, certifyID := holder.awaitFace(c)
	yes := true
	must(t, h.sim.Certify(certifyID, &yes))
	holder.confirmLink(id).want(t, "OK")
	second := c
	second.Person.Person, second.OpenID = c.Person.Person+"-2", c.OpenID+"-2"
	h.sim.Add(second.Person)
	q := h.logIn(second)
	wait := func(code string) string {
		pending := q.post("/v1/link", with(c.codeBody(code), "transfer", true)).want(t, "LINK_PROOF_REQUIRED").pending(t)
		must(t, h.sim.Certify(pending.CertifyID, &yes))
		return pending.ID.String()
	}
	h.issue(c, "3141592653")
	replaced := wait("3141592653")
	h.issue(c, "2718281828")
	q.confirmLink(replaced).want(t, "LINK_GONE")
	holder.get("/v1/link").want(t, "OK")
	q.confirmLink(wait("2718281828")).want(t, "OK")
}

// A link by code and face does not reset other people's failed attempts.
func TestCodeAndFaceLeaveThePublicScope(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(withStory("face_pending"))
	h.lockOut(c, store.PublicScope)
	h.issue(c, "3141592653")
	p := h.logIn(c)
	pending := p.post("/v1/link", c.codeBody("3141592653")).want(t, "LINK_PROOF_REQUIRED").pending(t)
	yes := true
	must(t, h.sim.Certify(pending.CertifyID, &yes))
	p.confirmLink(pending.ID.String()).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM lockouts WHERE person_digest = $1 AND scope = $2 AND locked_until IS NOT NULL`, h.personDigest(c), store.PublicScope); n != 1 {
		t.Error("the public scope was cleared by a code")
	}
}

// A stranger who knows name, number and initial password reaches the user's limit of face
// verifications; the owner still has one. All strangers together have a limit.
func TestOwnerKeepsAFaceStart(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace), withSpraying(99, 9999, 99_999))
	c := h.citizen(initial)
	for range 3 {
		stranger := h.logIn(h.citizen())
		for range linkProofsADay {
			stranger.awaitFace(c)
		}
		stranger.post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_LIMIT")
		h.exec(`DELETE FROM lockouts WHERE person_digest = $1`, h.personDigest(c)) // resets the lock
	}
	h.logIn(c).awaitFace(c)
	h.exec(`UPDATE daily_counts SET count = $2 WHERE subject_digest = $1`, h.personDigest(c), linkProofsOfPersonADay)
	h.logIn(h.citizen()).post("/v1/link", c.linkBody()).want(t, "LINK_PROOF_LIMIT")

	h.restart(withProof(selfservice.ProofCertdoc), withInitialProof(selfservice.ProofFace), withSpraying(99, 9999, 99_999))
	d := h.citizen(initial)
	h.exec(`INSERT INTO daily_counts (center_id, purpose, subject_digest, day, count)
		SELECT center_id, purpose, $2, day, count FROM daily_counts WHERE subject_digest = $1`, h.personDigest(c), h.personDigest(d))
	h.logIn(h.citizen(uncertified)).post("/v1/link", d.linkBody()).want(t, "LINK_PROOF_LIMIT")
	h.logIn(d).awaitFace(d) // verified by Alipay
}
