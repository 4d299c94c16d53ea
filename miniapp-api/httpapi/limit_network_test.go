package httpapi_test

import (
	"net"
	"net/http"
	"net/http/httptest"
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

// What is served beside the API has limits of its own: a network above them gets 429 with the time
// to wait and nothing of it is read, another network is served, and the API is not affected.
func TestLimitedBeside(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	served := 0
	beside := h.server.Limited(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }), httpapi.Rate{PerSecond: 0.001, Burst: 3})
	send := func(address string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("POST", "/", nil)
		req.RemoteAddr = address
		w := httptest.NewRecorder()
		beside.ServeHTTP(w, req)
		return w
	}
	for range 3 {
		send("192.0.2.1:1")
	}
	if w := send("192.0.2.1:2"); w.Code != 429 || w.Header().Get("Retry-After") == "" || served != 3 {
		t.Errorf("%d after %d", w.Code, served)
	}
	if send("192.0.2.2:1"); served != 4 {
		t.Error("another network is not served")
	}
}
