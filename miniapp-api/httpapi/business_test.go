package httpapi_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fundpass/miniapp-api/httpapi"
)

// businessCounts returns the counts of fundpass_business_total that are not 0.
func (h *env) businessCounts() map[string]int {
	h.t.Helper()
	ops := httptest.NewServer(h.server.OpsHandler())
	defer ops.Close()
	rsp, err := http.Get(ops.URL + "/metrics")
	must(h.t, err)
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	must(h.t, err)
	got := map[string]int{}
	for line := range strings.Lines(string(body)) {
		var name, outcome string
		var n int
		if k, _ := fmt.Sscanf(line, `fundpass_business_total{business=%q,channel="alipay",outcome=%q} %d`, &name, &outcome, &n); k == 3 && n > 0 {
			got[name+" "+outcome] = n
		}
	}
	return got
}

// A business counts once, when it ends; what asks for another step, and an answer that is sent
// again, count nothing.
func TestBusinessCounts(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(c)
	p.post("/v1/link", with(c.linkBody(), "name", "司马答案")).want(t, "LINK_REFUSED")
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": "Wrong-River-1"}).want(t, "OLD_PASSWORD_WRONG")
	change := p.openChange(c)
	p.get(change).want(t, "OK")
	body := []byte(`{"new_password":"Copper-Lantern-9","new_password_again":"Copper-Lantern-9"}`)
	key := header{"Idempotency-Key", "the-same-key"}
	p.send("POST", change+"/confirm", body, key).want(t, "OK")
	p.send("POST", change+"/confirm", body, key).want(t, "OK")
	must(t, h.sim.Fault("html", 1))
	code, err := h.sim.AuthCode(c.Person.Person)
	must(t, err)
	h.client().post("/v1/sessions", m{"auth_code": code}).want(t, "ALIPAY_UNAVAILABLE")

	want := map[string]int{
		"sign_in success": 1, "sign_in abnormal": 1, "link refused": 1, "link success": 1, "change refused": 1, "change success": 1,
	}
	if got := h.businessCounts(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Every business is of a route that exists.
func TestBusinessRoutes(t *testing.T) {
	t.Parallel()
	routes := map[string]bool{}
	for _, r := range contractRoutes() {
		routes[r.Method+" "+r.Path] = true
	}
	for _, route := range httpapi.BusinessRoutes() {
		if !routes[route] {
			t.Errorf("%s is no route", route)
		}
	}
}
