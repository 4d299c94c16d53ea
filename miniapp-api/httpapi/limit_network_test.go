package httpapi_test

import (
	"net"
	"testing"

	"fundpass/miniapp-api/httpapi"
)

// Limits count IPv6 addresses by /64, and an IPv4 address in every notation.
func TestLimitsCountNetworks(t *testing.T) {
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
			h := newEnv(t, withRates(httpapi.Rate{PerSecond: 0.001, Burst: 1}, httpapi.Rate{1e6, 1e6}), func(c *Config) { c.Proxies = []*net.IPNet{loopback} })
			p := h.client()
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
