package main

import (
	"testing"

	"fundpass/cmd/internal/apiclient"
)

// A new transport key is handed out after SIGHUP; a file that cannot be used
// changes nothing.
func TestTransportReload(t *testing.T) {
	t.Parallel()
	n := newFixture(t)
	list := n.path("transport.pem")
	n.write("transport.pem", string(n.read("transport_private_key.pem")))
	s := startServer(t, n.env(map[string]string{"FUNDPASS_TRANSPORT_KEY_FILES": list, "FUNDPASS_PROOF": "none"}))
	c := n.addCitizens(1, s.URL)[0]
	c.mustLogIn()
	handedOut := func() string { return c.must("OK", postTo("/v1/password/tickets", apiclient.Fields{})).Text("kid") }
	before := handedOut()

	n.write("transport.pem", "not a key")
	s.hangUp()
	s.awaitLog("keys not reloaded", 1)
	if got := handedOut(); got != before {
		t.Errorf("a broken file changed the key to %s", got)
	}
	next, err := newPrivatePEM()
	noError(t, err)
	n.write("transport.pem", string(next))
	s.hangUp()
	s.awaitLog("keys reloaded", 1)
	if got := handedOut(); got == before || got == "" {
		t.Errorf("still %s after a new key", got)
	}
	noError(t, s.Stop())
}
