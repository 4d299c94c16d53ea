package serve

import (
	"testing"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
)

// TestNoProxiesAreWarnedOf checks that check and serve warn if no trusted proxy is set,
// because all citizens then share one address.
func TestNoProxiesAreWarnedOf(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	runCheck(t, s.Env(cmdtest.Values{"FUNDPASS_TRUSTED_PROXIES": ""})).want(verdictWarn, "FUNDPASS_TRUSTED_PROXIES", "the whole city shares one limit")
	runCheck(t, s.Env()).want(verdictOK, "FUNDPASS_TRUSTED_PROXIES", "127.0.0.1")
	for _, addr := range []string{"127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8080"} {
		parsed, err := settings.Read(cmdtest.GetenvOf(s.Env(cmdtest.Values{"FUNDPASS_ADDR": addr, "FUNDPASS_TRUSTED_PROXIES": ""})))
		cmdtest.NoError(t, err)
		var warned bool
		for _, p := range parsed.Unsafe() { // what serve logs at the start
			warned = warned || p.Setting == "FUNDPASS_TRUSTED_PROXIES"
		}
		if !warned {
			t.Errorf("listening on %s: no warning", addr)
		}
	}
}
