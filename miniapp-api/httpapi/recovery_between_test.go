package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys"
	"fundpass/miniapp-api/httpapi"
	"fundpass/store"
)

// A name and number that Alipay refuses get LINK_REFUSED, because a retry does not help. The
// start stays charged.
func TestWhatAlipayRefusesIsTheForm(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(h.citizen())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	keyring, err := keys.NewAlipayKeyring(h.appID, other, []keys.AlipayKey{{Public: h.sim.AlipayKey(), Source: "sim"}})
	must(t, err)
	must(t, h.server.Alipay.Replace(keyring))
	for range linkProofsADay {
		p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_REFUSED")
	}
	p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_PROOF_LIMIT")
}

// A refusal after the account lookup takes a multiple of the response quantum, so that its time
// does not reveal whether an account exists.
func TestRecoveryRefusalTakesWholeQuanta(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(h.citizen())
	for range linkProofsADay {
		p.recover(c)
	}
	for range 3 {
		begun := time.Now()
		p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_PROOF_LIMIT")
		if took := time.Since(begun); took < responseQuantum {
			t.Errorf("after %v", took)
		}
	}
}

// A malformed id is a path that does not exist.
func TestMalformedRecoveryIDs(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.logIn(h.citizen())
	for _, id := range []string{"x", "canary-3f2b8c1e", uuid.Nil.String()} {
		p.get("/v1/password/recoveries/"+id).want(t, "NOT_FOUND")
		p.post("/v1/password/recoveries/"+id+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	}
}

// A verified user whose attempts are pending gets BUSY, not a refusal of a right password.
func TestProvenOwnerIsNotRefusedForWaitingAttempts(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p, stranger := h.logIn(c), h.logIn(h.citizen())
	s, err := h.db.Session(t.Context(), httpapi.DigestOfToken(p.token))
	must(t, err)
	for _, scope := range [][]byte{s.IdentityDigest, store.PublicScope} {
		for range h.server.Policy.Lock.Attempts()[0] {
			a, err := h.db.ReserveAttempt(t.Context(), store.AttemptRequest{PersonDigest: h.personOf(c), Scope: scope, Policy: h.lockoutPolicy()})
			if must(t, err); !a.Admitted {
				t.Fatal("not admitted")
			}
		}
	}
	p.post("/v1/link", c.linkBody()).want(t, "BUSY")
	stranger.post("/v1/link", c.linkBody()).want(t, "LINK_REFUSED")
	h.clock.Advance(store.AttemptLease)
	p.post("/v1/link", c.linkBody()).want(t, "OK")
}
