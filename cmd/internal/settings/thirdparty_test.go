package settings

import (
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
)

const (
	testThirdParty = "2021000000000009"
	testAppAuth    = "202601BB7f3a9c1e5d2b4860a1c3e5f708192a3b"
)

// Third-party mode needs both settings, and a token of this mini-program in a file that only the
// server reads.
func TestThirdPartySettings(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	s.Write("auth.json", `{"app_id":"`+testThirdParty+`","auth_app_id":"`+s.AppID+`","app_auth_token":"`+testAppAuth+`"}`)
	s.Write("other.json", `{"auth_app_id":"2021000000000012","app_auth_token":"`+testAppAuth+`"}`)
	for name, c := range map[string]struct {
		thirdParty, file string
		setting          string // of the problem; "" = none
	}{
		"neither":            {"", "", ""},
		"both":               {testThirdParty, "auth.json", ""},
		"no file":            {testThirdParty, "", "FUNDPASS_APP_AUTH_TOKEN_FILE"},
		"missing file":       {testThirdParty, "none.json", "FUNDPASS_APP_AUTH_TOKEN_FILE"},
		"no application":     {"", "auth.json", "FUNDPASS_THIRD_PARTY_APP_ID"},
		"the mini-program":   {s.AppID, "auth.json", "FUNDPASS_THIRD_PARTY_APP_ID"},
		"another's token":    {testThirdParty, "other.json", "FUNDPASS_APP_AUTH_TOKEN_FILE"},
		"for another":        {"2021000000000008", "auth.json", "FUNDPASS_APP_AUTH_TOKEN_FILE"},
		"not an application": {"2021 9", "auth.json", "FUNDPASS_THIRD_PARTY_APP_ID"},
	} {
		values := cmdtest.Values{"FUNDPASS_THIRD_PARTY_APP_ID": c.thirdParty, "FUNDPASS_APP_AUTH_TOKEN_FILE": ""}
		if c.file != "" {
			values["FUNDPASS_APP_AUTH_TOKEN_FILE"] = s.Path(c.file)
		}
		_, err := Read(cmdtest.GetenvOf(s.Env(values)))
		if c.setting == "" && err != nil || c.setting != "" && (err == nil || !strings.Contains(err.Error(), c.setting+": ")) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), testAppAuth) {
			t.Errorf("%s: the error contains the token", name)
		}
	}
}

// A token that ends within 30 days is reported like a certificate, one without an end is not.
func TestThirdPartyExpiry(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	for end, want := range map[time.Time]int{cmdtest.InDays(29): 1, cmdtest.InDays(-1): 1, cmdtest.InDays(31): 0, {}: 0} {
		auth := `{"app_auth_token":"` + testAppAuth + `"}`
		if !end.IsZero() {
			auth = `{"app_auth_token":"` + testAppAuth + `","not_after":"` + end.UTC().Format(time.RFC3339) + `"}`
		}
		s.Write("auth.json", auth)
		read, keyring, err := ReadKeyring(cmdtest.GetenvOf(s.Env(cmdtest.Values{
			"FUNDPASS_THIRD_PARTY_APP_ID": testThirdParty, "FUNDPASS_APP_AUTH_TOKEN_FILE": s.Path("auth.json")})))
		cmdtest.NoError(t, err)
		all := read.Expiring(keyring, time.Now())
		if len(all) != want || want == 1 && (all[0].Setting != AppAuthSetting || !strings.Contains(all[0].Error(), "fetch-app-auth")) {
			t.Errorf("end %v: %v", end, all)
		}
	}
}
