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

// What Alipay refuses to verify is a form to be corrected, as with the face before the
// password; waiting does not help. It stays charged.
func TestA7WhatAlipayRefusesIsTheForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p := h.logIn(h.citizen())
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ring, err := keys.NewRing(h.appID, other, []keys.AlipayKey{{Public: h.sim.AlipayKey(), Source: "sim"}})
	must(t, err)
	must(t, h.server.Alipay.Replace(ring))
	for range linkProofsADay {
		p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_REFUSED")
	}
	p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_PROOF_LIMIT")
}

// A refusal after the account was looked for leaves on the beat, or its time would tell
// whether there is one, without end: it is not charged.
func TestA7RefusalLeavesOnTheBeat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p := h.logIn(h.citizen())
	for range linkProofsADay {
		p.recover(c)
	}
	for range 3 {
		begun := time.Now()
		p.post("/v1/password/recoveries", c.recoveryBody()).want(t, "LINK_PROOF_LIMIT")
		if took := time.Since(begun); took < beat {
			t.Errorf("after %v", took)
		}
	}
}

// What is no id is a path that does not exist.
func TestC7MalformedRecoveryIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.logIn(h.citizen())
	for _, id := range []string{"x", "canary-3f2b8c1e", uuid.Nil.String()} {
		p.get("/v1/password/recoveries/"+id).want(t, "NOT_FOUND")
		p.post("/v1/password/recoveries/"+id+"/confirm", twice("Copper-Kettle-77")).want(t, "RESET_GONE")
	}
}

// Who is proven to be the person, and has guesses that wait for their verdicts, is not told
// that a right password is wrong.
func TestA1ProvenOwnerIsNotRefusedForWaitingGuesses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.citizen()
	p, stranger := h.logIn(c), h.logIn(h.citizen())
	s, err := h.db.Session(t.Context(), httpapi.DigestOfToken(p.token))
	must(t, err)
	for _, lane := range [][]byte{s.IdentityDigest, store.PublicLane} {
		for range h.server.Policy.Lock.Guesses()[0] {
			a, err := h.db.TakeGuess(t.Context(), store.Guess{PersonDigest: h.personOf(c), Lane: lane, Budget: h.budget()})
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
