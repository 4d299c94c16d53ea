package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

// costlyHash returns a hash of a bcrypt digest with this cost, such as "05".
func (h *env) costlyHash(cost string) string {
	h.t.Helper()
	l, err := passwd.ParseLegacy(strings.Replace(costlyDigests["bcrypt"], "$05$", "$"+cost+"$", 1))
	must(h.t, err)
	hash, err := h.server.Hasher.Wrap(h.t.Context(), l)
	must(h.t, err)
	return hash
}

// slowHash returns the cheapest hash that takes more than two quanta on this machine; the race
// detector makes bcrypt many times slower.
func (h *env) slowHash() string {
	h.t.Helper()
	for cost := 6; ; cost++ {
		hash := h.costlyHash(fmt.Sprintf("%02d", cost))
		begun := time.Now()
		_, _, err := h.server.Hasher.Verify(h.t.Context(), hash, passwd.NewSecret("nobody's password"))
		must(h.t, err)
		if took := time.Since(begun); took > 2*responseQuantum+responseQuantum/2 || cost == 12 {
			return hash
		}
	}
}

// T8 for slow digests: a wrong password for an account with an expensive digest, with a cheap
// one and for an unknown person takes at least the time of the expensive one. The floor is zero
// once the last such digest is replaced.
func TestRefusalKeepsTheFloor(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone), func(c *Config) { // one attempt does not lock
		policy := *c.Policy
		policy.Lock.Tiers = []passwd.Tier{{Attempts: 90, Lock: "15m"}}
		c.Policy = &policy
	})
	costly, cheap, plain := h.citizen(), h.citizen(), h.citizen()
	slow := h.slowHash()
	h.putHash(costly, slow)
	h.putHash(cheap, h.costlyHash("04"))
	wrong := func(c citizen) m { return withPassword(c.linkBody(), "wrong-password") }
	bodies := []m{wrong(costly), wrong(cheap), wrong(plain), stranger(1, "unknown")}
	p := h.logIn(h.citizen())

	must(t, h.server.service.UpdateRefusalFloor(t.Context()))
	least := h.server.service.RefusalFloor()
	if least <= 0 {
		t.Error("a costly hash raises no floor")
	}
	for i, body := range bodies {
		begun := time.Now()
		p.post("/v1/link", body).want(t, "LINK_REFUSED")
		if took := time.Since(begun); took < least {
			t.Errorf("refusal %d returned after %v, below the floor of %v", i, took, least)
		}
	}
	for _, c := range []citizen{costly, cheap} {
		hash, err := h.server.Hasher.Hash(t.Context(), passwd.NewSecret(c.Password))
		must(t, err)
		h.putHash(c, hash)
	}
	must(t, h.server.service.UpdateRefusalFloor(t.Context()))
	if least := h.server.service.RefusalFloor(); least != 0 {
		t.Errorf("no costly digest is left, but refusals take %v", least)
	}
}
