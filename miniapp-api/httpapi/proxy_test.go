package httpapi_test

import (
	"net"
	"testing"

	"fundpass/miniapp-api/httpapi"
)

// X-Forwarded-For is trusted only from the configured proxies.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	_, loopback, err := net.ParseCIDR("127.0.0.1/32")
	must(t, err)
	_, elsewhere, err := net.ParseCIDR("100.64.0.0/10")
	must(t, err)
	for _, tt := range []struct {
		name    string
		proxies []*net.IPNet
		shared  bool // two citizens behind one proxy share one allowance
	}{
		{"no proxy", nil, true},
		{"a proxy", []*net.IPNet{loopback}, false},
		{"another proxy", []*net.IPNet{elsewhere}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t, withRates(httpapi.Rate{PerSecond: 0.01, Burst: 1}, httpapi.Rate{1e6, 1e6}), func(c *Config) { c.Proxies = tt.proxies })
			p := h.client()
			p.send("GET", "/healthz", nil, header{"X-Forwarded-For", "9.9.9.9, 203.0.113.1"}).want(t, "OK")
			second := p.send("GET", "/healthz", nil, header{"X-Forwarded-For", "9.9.9.9, 203.0.113.2"})
			if got := second.Code == "TOO_MANY_REQUESTS"; got != tt.shared {
				t.Errorf("second citizen got %s", second.Code)
			}
			forged := p.send("GET", "/healthz", nil, header{"X-Forwarded-For", "8.8.8.8, 203.0.113.1"}) // left of the proxy's own entry, sent by the client
			forged.want(t, "TOO_MANY_REQUESTS")
		})
	}
}
