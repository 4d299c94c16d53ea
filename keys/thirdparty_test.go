package keys

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	thirdPartyID  = "2021000000000009"
	miniProgramID = "2021000000000011"
	testAppAuth   = "202601BB7f3a9c1e5d2b4860a1c3e5f708192a3b"
)

// The file of a token is the JSON of fundpass or the bare token of the console.
func TestParseAppAuth(t *testing.T) {
	t.Parallel()
	full := `{"app_id":"` + thirdPartyID + `","auth_app_id":"` + miniProgramID + `","app_auth_token":"` + testAppAuth + `","not_after":"2027-12-01T00:00:00Z"}`
	for text, end := range map[string]time.Time{
		full:                      time.Date(2027, 12, 1, 0, 0, 0, 0, time.UTC),
		testAppAuth + "\n":        {},
		"  " + testAppAuth + "\r": {},
	} {
		auth, err := ParseAppAuth([]byte(text))
		if err != nil || auth.Token != testAppAuth || !auth.NotAfter.Equal(end) {
			t.Errorf("%.20q: to %v, %v", text, auth.NotAfter, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v %s", auth, auth, auth, auth); strings.Contains(shown, testAppAuth) {
			t.Errorf("shown as %s", shown)
		}
	}
	for _, text := range []string{"", "short", "{", `{"app_auth_token":""}`, testAppAuth + " " + testAppAuth, `{"app_auth_token":5}`} {
		if _, err := ParseAppAuth([]byte(text)); !errors.Is(err, ErrAppAuth) || strings.Contains(err.Error(), testAppAuth) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The keys of a third-party application are loaded for a mini-program; a token that another
// mini-program granted is refused before any request.
func TestLoadThirdParty(t *testing.T) {
	t.Parallel()
	files := bareFiles(t)
	for name, c := range map[string]struct {
		app, third, content string
		want                error
	}{
		"bare":                 {miniProgramID, thirdPartyID, testAppAuth, nil},
		"named":                {miniProgramID, thirdPartyID, `{"app_id":"` + thirdPartyID + `","auth_app_id":"` + miniProgramID + `","app_auth_token":"` + testAppAuth + `"}`, nil},
		"other mini-program":   {miniProgramID, thirdPartyID, `{"auth_app_id":"2021000000000012","app_auth_token":"` + testAppAuth + `"}`, ErrAppAuth},
		"other third party":    {miniProgramID, thirdPartyID, `{"app_id":"2021000000000012","app_auth_token":"` + testAppAuth + `"}`, ErrAppAuth},
		"both the same":        {thirdPartyID, thirdPartyID, testAppAuth, ErrAppAuth},
		"no token":             {miniProgramID, thirdPartyID, "{}", ErrAppAuth},
		"blank in third party": {miniProgramID, "20 21", testAppAuth, ErrFormat},
	} {
		files.AppID, files.ThirdPartyAppID, files.AppAuth = c.app, c.third, write(t, "auth.json", c.content)
		ring, err := LoadAlipayKeyring(files)
		if !errors.Is(err, c.want) || err != nil && strings.Contains(err.Error(), testAppAuth) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (ring.AppID() != miniProgramID || ring.SigningAppID() != thirdPartyID || ring.AppAuthToken() != testAppAuth || !ring.IsThirdParty()) {
			t.Errorf("%s: keyring of %s signed by %s", name, ring.AppID(), ring.SigningAppID())
		}
	}
	files.AppID, files.ThirdPartyAppID, files.AppAuth = miniProgramID, thirdPartyID, ""
	if _, err := LoadAlipayKeyring(files); !errors.Is(err, ErrIncomplete) {
		t.Errorf("no file: %v", err)
	}
	certs := certFiles(t) // whose application certificate is the third-party application's
	certs.AppID, certs.ThirdPartyAppID, certs.AppAuth = miniProgramID, testAppID, write(t, "auth.json", testAppAuth)
	if ring, err := loadKeyring(certs, testNow); err != nil || ring.AppID() != miniProgramID || ring.AppCertSN() == "" {
		t.Errorf("certificate mode: %v", err)
	}
}
