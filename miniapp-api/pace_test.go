package miniapp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// costlyHash is a hash over a bcrypt digest of this cost ("05") of nobody's password.
func (h *house) costlyHash(cost string) string {
	h.t.Helper()
	l, err := passwd.ParseLegacy(strings.Replace(costlyDigests["bcrypt"], "$05$", "$"+cost+"$", 1))
	must(h.t, err)
	hash, err := h.server.hasher.Wrap(h.t.Context(), l)
	must(h.t, err)
	return hash
}

// slowHash is the cheapest that takes more than two beats here: a race detector makes bcrypt
// many times slower.
func (h *house) slowHash() string {
	h.t.Helper()
	for cost := 6; ; cost++ {
		hash := h.costlyHash(fmt.Sprintf("%02d", cost))
		took, err := h.server.timeHash(h.t.Context(), hash)
		must(h.t, err)
		if took > 2*beat+beat/2 || cost == 12 {
			return hash
		}
	}
}

// beats are on which beat the refusals of a link leave, in turns for each body:
// the middle one of n tries.
func (p *phone) beats(n int, bodies ...m) []int {
	p.h.t.Helper()
	all := make([][]int, len(bodies))
	for range n {
		for i, body := range bodies {
			begun := time.Now()
			p.post("/v1/link", body).want(p.h.t, "LINK_REFUSED")
			all[i] = append(all[i], int(time.Since(begun)/beat))
		}
	}
	middle := make([]int, len(bodies))
	for i := range all {
		slices.Sort(all[i])
		middle[i] = all[i][n/2]
	}
	return middle
}

// T8 for digests that take long: a wrong password at an account with an old
// bcrypt digest, at an account with a cheap one and at nobody's leave on the same
// beat, and quickly again when the last such digest has been used.
func TestRefusalKeepsPace(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withProof(ProofNone), func(c *Config) { // one guess locks nobody here
		policy := *c.Policy
		policy.Lock.Rounds = []passwd.Round{{Guesses: 90, Lock: "15m"}}
		c.Policy = &policy
	})
	costly, cheap, plain := h.citizen(), h.citizen(), h.citizen()
	slow := h.slowHash()
	h.putHash(costly, slow)
	h.putHash(cheap, h.costlyHash("04"))
	wrong := func(c citizen) m { return withPassword(c.linkBody(), "wrong-guess") }
	bodies := []m{wrong(costly), wrong(cheap), wrong(plain), stranger(1, "unknown")}
	p := h.logIn(h.citizen())

	must(t, h.server.KeepPace(t.Context()))
	got := p.beats(3, bodies...)
	if slices.Max(got)-slices.Min(got) > 1 { // the middle may lie between two beats
		t.Errorf("refusals leave on beats %v", got)
	}
	took, err := h.server.timeHash(t.Context(), slow)
	must(t, err)
	if least := time.Duration(h.server.pace.least.Load()); least < took/paceMargin {
		t.Errorf("refusals take %v, the costliest hash %v", least, took)
	}

	h.putHash(costly, h.costlyHash("04")) // used: no longer that costly
	must(t, h.server.KeepPace(t.Context()))
	if now := p.beats(3, bodies[3]); now[0] >= got[3] {
		t.Errorf("still on beat %d of %d", now[0], got[3])
	}
	for _, c := range []citizen{costly, cheap} {
		hash, err := h.server.hasher.Hash(t.Context(), passwd.NewSecret(c.Password))
		must(t, err)
		h.putHash(c, hash)
	}
	must(t, h.server.KeepPace(t.Context()))
	if least := h.server.pace.least.Load(); least != 0 {
		t.Errorf("nothing costly is left, but refusals take %v", time.Duration(least))
	}
}

// A digest that came with a roster after the last look sets the pace with the
// first guess at it, and only a digest of that kind does.
func TestPaceLearns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	plain, err := h.server.hasher.Hash(t.Context(), passwd.NewSecret("Quiet-River-1"))
	must(t, err)
	costly := h.costlyHash("04")
	for _, tt := range []struct {
		name    string
		attempt store.Attempt
		took    time.Duration
		want    time.Duration
	}{
		{"nobody", store.Attempt{Admitted: true}, time.Second, 0},
		{"locked", store.Attempt{Account: &store.Account{Hash: costly}}, time.Second, 0},
		{"hash of ours", store.Attempt{Admitted: true, Account: &store.Account{Hash: plain}}, time.Second, 0},
		{"costly", store.Attempt{Admitted: true, Account: &store.Account{Hash: costly}}, 300 * time.Millisecond, 300 * time.Millisecond},
		{"quicker", store.Attempt{Admitted: true, Account: &store.Account{Hash: costly}}, time.Millisecond, 300 * time.Millisecond},
		{"stalled", store.Attempt{Admitted: true, Account: &store.Account{Hash: costly}}, time.Minute, longestPace},
	} {
		h.server.pace.saw(tt.attempt, tt.took)
		if got := time.Duration(h.server.pace.least.Load()); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	gone, end := context.WithCancel(t.Context())
	end()
	begun := time.Now()
	h.server.pace.await(gone, begun)
	if took := time.Since(begun); took > longestPace/2 {
		t.Errorf("waited %v for a caller who went away", took)
	}
}
