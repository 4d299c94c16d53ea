package httpapi_test

import (
	"testing"

	"fundpass/miniapp-api/httpapi"
)

// TestCentersHaveTheirOwnRates checks that requests to one centre of a process take nothing from
// what an address or a user may send to another.
func TestCentersHaveTheirOwnRates(t *testing.T) {
	t.Parallel()
	tight, wide := httpapi.Rate{PerSecond: .001, Burst: 5}, httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	for name, rates := range map[string]envOption{"address": withRates(tight, wide), "user": withRates(wide, tight)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newEnv(t, rates), newEnv(t, rates)
			c := first.citizen()
			p := first.logIn(c)
			code := "NOT_LINKED"
			for range 10 {
				code = p.get("/v1/link").Code
			}
			if code != "TOO_MANY_REQUESTS" {
				t.Fatalf("%s after ten requests", code)
			}
			second.sim.Add(c.Person) // the same user of Alipay, at the same address
			second.logIn(c).get("/v1/link").want(t, "NOT_LINKED")
		})
	}
}
