package miniapp

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// Limits count IPv6 by /64, which one customer has, and an IPv4 address however it is
// written.
func TestC1LimitsCountNetworks(t *testing.T) {
	t.Parallel()
	_, loopback, err := net.ParseCIDR("127.0.0.1/32")
	must(t, err)
	for _, tt := range []struct {
		name   string
		from   []string
		shared bool
	}{
		{"one /64", []string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:0:1234::"}, true},
		{"two /64s", []string{"2001:db8:0:1::1", "2001:db8:0:2::1"}, false},
		{"IPv4 in two spellings", []string{"203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107"}, true},
		{"two IPv4 addresses", []string{"203.0.113.7", "::ffff:203.0.113.8"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, withRates(Rate{PerSecond: 0.001, Burst: 1}, Rate{1e6, 1e6}), func(c *Config) { c.Proxies = []*net.IPNet{loopback} })
			p := h.phone()
			for i, from := range tt.from {
				code := "OK"
				if i > 0 && tt.shared {
					code = "TOO_MANY_REQUESTS"
				}
				p.send("GET", "/healthz", nil, header{"X-Forwarded-For", from}).want(t, code)
			}
		})
	}
}

// However many networks a stranger brings, the memory is bounded, and none of them makes
// the limiter forget one that is used up.
func TestC1LimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 5})
	l.most = 64
	for range 5 {
		l.wait("greedy")
	}
	for i := range 5_000 {
		l.wait(fmt.Sprint("network ", i))
		if len(l.whole) > l.most {
			t.Fatalf("%d keys, want at most %d", len(l.whole), l.most)
		}
	}
	if l.wait("greedy") == 0 {
		t.Error("5,000 other networks gave a used-up one its allowance again")
	}
	if newest := l.whole["network 4999"]; newest.IsZero() {
		t.Error("the newest was not counted")
	}
}

// Whole keys go first, and none that is not whole goes while there is room.
func TestC1LimiterForgetsWholeKeys(t *testing.T) {
	t.Parallel()
	l := newLimiter(Rate{PerSecond: 0.001, Burst: 5})
	l.most = 8
	l.wait("in use")
	for i := range 7 {
		l.whole[fmt.Sprint("whole ", i)] = time.Now().Add(-time.Second)
	}
	l.wait("another")
	if len(l.whole) != 2 || l.whole["in use"].IsZero() {
		t.Errorf("left: %v", l.whole)
	}
}
