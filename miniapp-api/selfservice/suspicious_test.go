package selfservice

import (
	"fmt"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A citizen who mistypes their own password is never suspicious. Whoever tries three people is,
// and so are the others on a network from which many people were tried.
func TestSuspicious(t *testing.T) {
	t.Parallel()
	s := newTestService(t)
	noon := func() time.Time { return time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC) } // all in one minute
	s.db = storetest.New(t, storetest.WithNow(noon))
	caller := func(user, network string) Caller {
		c := Caller{Network: network}
		c.IdentityDigest = []byte(user)
		return c
	}
	try := func(user, network string, person int) {
		t.Helper()
		req := store.AttemptRequest{PersonDigest: fmt.Appendf(nil, "%016d person", person), Scope: store.PublicScope,
			Policy: lockoutPolicy(s.policy), Source: s.spraying.source(caller(user, network))}
		a, err := s.db.ReserveAttempt(t.Context(), req)
		must(t, err)
		_, err = s.db.FailAttempt(t.Context(), req, a, false)
		must(t, err)
	}
	check := func(user, network string, want bool) {
		t.Helper()
		got, err := s.Suspicious(t.Context(), caller(user, network))
		if must(t, err); got != want {
			t.Errorf("%s at %s: %v", user, network, got)
		}
	}
	check("citizen", "home", false)
	for range 4 {
		try("citizen", "home", 1)
	}
	try("citizen", "home", 2)
	check("citizen", "home", false)
	try("citizen", "home", 3)
	check("citizen", "home", true)
	check("citizen", "elsewhere", true)
	check("neighbour", "home", false)

	limit := s.spraying.limits.PerAddress / 10
	for i := range limit {
		check("neighbour", "carrier", false)
		try(fmt.Sprint("user ", i), "carrier", 100+i)
	}
	check("neighbour", "carrier", true)
	check("neighbour", "another carrier", false)
	s.spraying.limits.PerMinute = 8 // fewer than were tried in this minute
	check("neighbour", "another carrier", true)
}
