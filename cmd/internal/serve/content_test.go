package serve

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// verifyPhone posts a response of my.getPhoneNumber.
func verifyPhone(t *testing.T, url, token, payload string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/phone", strings.NewReader(payload))
	cmdtest.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := cmdtest.NewClient(t).Do(req)
	cmdtest.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	cmdtest.NoError(t, err)
	return resp.StatusCode, string(raw)
}

// TestContentKeyReloads checks that SIGHUP reloads the content key, and that a broken
// file changes nothing.
func TestContentKeyReloads(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	citizen := cmdtest.OKPerson
	citizen.Phone = "19900000001"
	s.Sim.Add(citizen)
	s.Write("content.key", "ZmVkY2JhOTg3NjU0MzIxMA==\n") // a wrong key
	p := cmdtest.StartServer(t, s.Env(cmdtest.Values{"FUNDPASS_CONTENT_KEY_FILE": s.Path("content.key")}))
	token := s.OpenSession(t, p.URL)
	payload, err := s.Sim.Phone(citizen.Person, "")
	cmdtest.NoError(t, err)
	wantCode := func(want string) {
		t.Helper()
		status, body := verifyPhone(t, p.URL, token, payload)
		var got struct{ Code string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Code != want {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	wantCode("PHONE_REFUSED")
	s.Write("content.key", "MDEyMzQ1Njc4OWFiY2RlZg==")
	p.HangUp()
	p.AwaitLog("keys reloaded", 1)
	wantCode("OK")
	s.Write("content.key", "broken")
	p.HangUp()
	p.AwaitLog("keys not reloaded", 1)
	wantCode("OK")
	if log := p.Log(); !strings.Contains(log, "FUNDPASS_CONTENT_KEY_FILE") || strings.Contains(log, citizen.Phone) || strings.Contains(log, `broken"`) {
		t.Errorf("the setting is not named, or a secret is logged:\n%s", log)
	}
	cmdtest.NoError(t, p.Stop())
}

// TestPhoneNotOffered checks the reply without a content key.
func TestPhoneNotOffered(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	s.AddOK()
	p := cmdtest.StartServer(t, s.Env())
	status, body := verifyPhone(t, p.URL, s.OpenSession(t, p.URL), "{}")
	if status != 404 || !strings.Contains(body, `"NOT_OFFERED"`) {
		t.Errorf("%d %s", status, body)
	}
	cmdtest.NoError(t, p.Stop())
}
