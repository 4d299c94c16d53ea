package e2e

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Alipay changes its key: SIGHUP is all a running server needs, and a file that
// is broken at that moment changes nothing.
func TestServeReloads(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	s.sim.Add(okPerson)
	server := startServer(t, s.env())
	answers := func(when string, want int) {
		t.Helper()
		if got, _ := s.logIn(server.URL); got != want {
			t.Errorf("%s: %d", when, got)
		}
	}
	answers("before", 200)
	s.write("alipay_public_key.txt", "broken")
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys not reloaded", 1)
	if !strings.Contains(server.Log(), `"setting":"FUNDPASS_ALIPAY_KEY_FILES"`) {
		t.Errorf("the setting is not named:\n%s", server.Log())
	}
	answers("with the old keys", 200)

	s.changeAlipayKey()
	answers("signed with an unknown key", 502)
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys reloaded", 1)
	answers("with the new keys", 200)

	noError(t, os.Chmod(s.path("app_private_key.pem"), 0o644))
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys not reloaded", 2)
	noError(t, server.Stop())
	s.checkNoKey(server.Log())
}

// checkNoKey fails when a key stands in a log.
func (s *serverEnv) checkNoKey(log string) {
	s.t.Helper()
	for name, content := range testKeys(s.t) {
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSpace(line)
			if len(line) > 30 && !strings.HasPrefix(line, "-----") && strings.Contains(log, line[:30]) {
				s.t.Errorf("a key of %s is in the log", name)
			}
		}
	}
}

// Two servers share a database: a session of one is good at the other, and the
// death of one is nothing to the other.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	s.sim.Add(okPerson)
	first, second := startServer(t, s.env()), startServer(t, s.env())
	_, token := s.logIn(first.URL)
	first.Kill()
	if got, _ := fetch(t, "GET", second.URL+"/readyz", ""); got != 200 {
		t.Errorf("the other is not ready: %d", got)
	}
	req, err := http.NewRequest("POST", second.URL+"/v1/sessions/end", nil)
	noError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := newClient(t).Do(req)
	noError(t, err)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the session is not known there: %d", resp.StatusCode)
	}
	noError(t, second.Stop())
	s.checkNoKey(first.Log() + second.Log())
}
