package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// TestServeReloads checks that SIGHUP loads Alipay's new key, and that a broken file
// changes nothing.
func TestServeReloads(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewOwnEnv(t)
	s.Sim.Add(cmdtest.OKPerson)
	server := startServer(t, s.Env())
	wantStatus := func(when string, want int) {
		t.Helper()
		if got, _ := logInAt(s, server.URL); got != want {
			t.Errorf("%s: %d", when, got)
		}
	}
	wantStatus("before", 200)
	s.Write("alipay_public_key.txt", "broken")
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys not reloaded", 1)
	if !strings.Contains(server.Log(), `"setting":"FUNDPASS_ALIPAY_KEY_FILES"`) {
		t.Errorf("the setting is not named:\n%s", server.Log())
	}
	wantStatus("with the old keys", 200)

	s.ChangeAlipayKey()
	wantStatus("signed with an unknown key", 502)
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys reloaded", 1)
	wantStatus("with the new keys", 200)

	cmdtest.NoError(t, os.Chmod(s.Path("app_private_key.pem"), 0o644))
	server.signal(syscall.SIGHUP)
	server.awaitLog("keys not reloaded", 2)
	cmdtest.NoError(t, server.Stop())
	checkNoKey(s, server.Log())
}

// checkNoKey fails the test if a log contains a key.
func checkNoKey(s *cmdtest.ServerEnv, log string) {
	s.T.Helper()
	for _, content := range cmdtest.TestKeys().Files {
		cmdtest.CheckNoKey(s.T, log, content)
	}
}

// TestTwoServers checks that a session of one server is valid at another one with the
// same database, also after the first was killed.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewOwnEnv(t)
	s.Sim.Add(cmdtest.OKPerson)
	first, second := startServer(t, s.Env()), startServer(t, s.Env())
	_, token := logInAt(s, first.URL)
	first.Kill()
	if got, _ := cmdtest.Fetch(t, "GET", second.URL+"/readyz", ""); got != 200 {
		t.Errorf("the other is not ready: %d", got)
	}
	req, err := http.NewRequest("POST", second.URL+"/v1/sessions/end", nil)
	cmdtest.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := cmdtest.NewClient(t).Do(req)
	cmdtest.NoError(t, err)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("the session is not known there: %d", resp.StatusCode)
	}
	cmdtest.NoError(t, second.Stop())
	checkNoKey(s, first.Log()+second.Log())
}

// logInAt opens a session for OKPerson and returns the status and the token.
func logInAt(s *cmdtest.ServerEnv, url string) (int, string) {
	s.T.Helper()
	code, err := s.Sim.AuthCode(cmdtest.OKPerson.Person)
	cmdtest.NoError(s.T, err)
	status, body := cmdtest.Fetch(s.T, "POST", url+"/v1/sessions", `{"auth_code":"`+code+`"}`)
	var opened struct{ Data struct{ Token string } }
	cmdtest.NoError(s.T, json.Unmarshal([]byte(body), &opened))
	return status, opened.Data.Token
}
