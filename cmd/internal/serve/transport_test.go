package serve

import (
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys"
)

// TestTransportReload checks that pages get a new transport key after SIGHUP, and that a
// broken file changes nothing.
func TestTransportReload(t *testing.T) {
	t.Parallel()
	n := cmdtest.NewFixture(t)
	list := n.Path("transport.pem")
	n.Write("transport.pem", string(n.Read("transport_private_key.pem")))
	s := cmdtest.StartServer(t, n.Env(map[string]string{"FUNDPASS_TRANSPORT_KEY_FILES": list, "FUNDPASS_PROOF": "none"}))
	c := n.AddCitizens(1, s.URL)[0]
	c.MustLogIn()
	current := func() string {
		return c.Must("OK", cmdtest.PostTo("/v1/password/tickets", apiclient.Fields{})).Text("kid")
	}
	before := current()

	n.Write("transport.pem", "not a key")
	s.HangUp()
	s.AwaitLog("keys not reloaded", 1)
	if got := current(); got != before {
		t.Errorf("a broken file changed the key to %s", got)
	}
	next, err := keys.NewAppKey()
	cmdtest.NoError(t, err)
	n.Write("transport.pem", string(next.PEM()))
	s.HangUp()
	s.AwaitLog("keys reloaded", 1)
	if got := current(); got == before || got == "" {
		t.Errorf("still %s after a new key", got)
	}
	cmdtest.NoError(t, s.Stop())
}
