package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"fundpass/keys"
	"fundpass/miniapp-api/selfservice"
)

// A face that was not verified for the claim in this session is refused before an attempt is
// charged; otherwise strangers could get a scope of their own. Confirming it as a link does not
// call Alipay.
func TestRefusedFaceTakesNoAttempt(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen(withStory("face_pending"))
	p := h.logIn(c)
	pending := p.post("/v1/link", c.faceFirst()).want(t, "LINK_PROOF_REQUIRED").pending(t)
	p.confirmLink(pending.ID.String()).want(t, "LINK_GONE")
	yes := true
	must(t, h.sim.Certify(pending.CertifyID, &yes))
	wrong := with(withPassword(c.linkBody(), "wrong-password"), "face_id", pending.ID)
	h.logIn(c).post("/v1/link", wrong).want(t, "LINK_GONE")
	h.logIn(h.citizen()).post("/v1/link", wrong).want(t, "LINK_GONE")
	p.showFaceFirst(c) // replaces it
	p.post("/v1/link", wrong).want(t, "LINK_GONE")
	if n := h.count(`SELECT count(*) FROM lockouts WHERE person_digest = $1`, h.personDigest(c)); n != 0 {
		t.Errorf("attempts in %d scopes", n)
	}
}

// If Alipay refuses the claim's name and number, the answer is LINK_REFUSED and the start stays
// charged.
func TestClaimThatAlipayRefuses(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofFace))
	c := h.citizen()
	p := h.logIn(h.citizen())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	keyring, err := keys.NewAlipayKeyring(h.appID, other, []keys.AlipayKey{{Public: h.sim.AlipayKey(), Source: "sim"}})
	must(t, err)
	must(t, h.server.Alipay.Replace(keyring))
	for range linkProofsADay {
		p.post("/v1/link", c.faceFirst()).want(t, "LINK_REFUSED")
	}
	p.post("/v1/link", c.faceFirst()).want(t, "LINK_PROOF_LIMIT")
}
