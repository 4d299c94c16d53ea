package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// verifyPhone posts what my.getPhoneNumber gave the page.
func verifyPhone(t *testing.T, url, token, payload string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/phone", strings.NewReader(payload))
	noError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := newClient(t).Do(req)
	noError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	noError(t, err)
	return resp.StatusCode, string(raw)
}

// A content key changed in the console is read at SIGHUP, and a broken one changes
// nothing.
func TestContentKeyReloads(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	citizen := okPerson
	citizen.Phone = "19900000001"
	s.sim.Add(citizen)
	s.write("content.key", "ZmVkY2JhOTg3NjU0MzIxMA==\n") // not the console's
	p := startServer(t, s.env(values{"FUNDPASS_CONTENT_KEY_FILE": s.path("content.key")}))
	token := s.openSession(t, p.URL)
	payload, err := s.sim.Phone(citizen.Person, "")
	noError(t, err)
	show := func(want string) {
		t.Helper()
		status, body := verifyPhone(t, p.URL, token, payload)
		var got struct{ Code string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Code != want {
			t.Errorf("%d %s, want %s", status, body, want)
		}
	}
	show("PHONE_REFUSED")
	s.write("content.key", "MDEyMzQ1Njc4OWFiY2RlZg==")
	p.hangUp()
	p.awaitLog("keys reloaded", 1)
	show("OK")
	s.write("content.key", "broken")
	p.hangUp()
	p.awaitLog("keys not reloaded", 1)
	show("OK")
	if log := p.Log(); !strings.Contains(log, "FUNDPASS_CONTENT_KEY_FILE") || strings.Contains(log, citizen.Phone) || strings.Contains(log, `broken"`) {
		t.Errorf("the setting is not named, or something is shown:\n%s", log)
	}
	noError(t, p.Stop())
}

// Without the setting the step is not offered.
func TestPhoneNotOffered(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	s.addOK()
	p := startServer(t, s.env())
	status, body := verifyPhone(t, p.URL, s.openSession(t, p.URL), "{}")
	if status != 404 || !strings.Contains(body, `"NOT_OFFERED"`) {
		t.Errorf("%d %s", status, body)
	}
	noError(t, p.Stop())
}
