package settings

import (
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestWideProxies checks that networks wider than one operator's are refused.
func TestWideProxies(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for network, refused := range map[string]bool{
		"0.0.0.0/0": true, "::/0": true, "0.0.0.0/1": true, "128.0.0.0/1": true, "10.0.0.0/7": true, "::ffff:0:0/96": true, "2000::/3": true, "2001::/16": true,
		"10.0.0.0/8": false, "172.16.0.0/12": false, "192.168.0.0/16": false, "104.16.0.0/13": false, "127.0.0.1": false, "fc00::/7": false,
		"fe80::/10": false, "2001:db8::/32": false, "::1": false, "::ffff:10.0.0.0/104": false,
	} {
		_, err := Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_TRUSTED_PROXIES": "127.0.0.1," + network})))
		if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), "FUNDPASS_TRUSTED_PROXIES: trusts ") {
			t.Errorf("%s: %v", network, err)
		}
	}
}
