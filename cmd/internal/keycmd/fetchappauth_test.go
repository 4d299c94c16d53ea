package keycmd

import (
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

const thirdPartyID = "2021000000000009"

// An authorisation is a third-party application that the environment's mini-program and another one
// may authorise, and the settings of the command.
type authorisation struct {
	*alipaysim.ThirdParty
	s          *cmdtest.ServerEnv
	env        map[string]string
	own, other *alipaysim.Sim
	path       string
}

func newAuthorisation(t *testing.T) authorisation {
	t.Helper()
	a := authorisation{ThirdParty: alipaysim.NewThirdParty(thirdPartyID), s: cmdtest.NewBareEnv(t)}
	app, err := keys.ParsePrivateKey(a.s.Read("app_private_key.pem"))
	cmdtest.NoError(t, err)
	for appID, sim := range map[string]**alipaysim.Sim{a.s.AppID: &a.own, "2021000000000012": &a.other} {
		*sim, err = a.Add(alipaysim.Config{AppID: appID, AppKey: &app.PublicKey, Key: cmdtest.TestKeys().Alipay[0]})
		cmdtest.NoError(t, err)
	}
	gateway := httptest.NewServer(a)
	t.Cleanup(gateway.Close)
	a.path = a.s.Path("app_auth.json")
	a.env = a.s.Env(cmdtest.Values{"FUNDPASS_THIRD_PARTY_APP_ID": thirdPartyID, "FUNDPASS_APP_AUTH_TOKEN_FILE": a.path,
		"FUNDPASS_GATEWAY_URL": gateway.URL + "/gateway.do"})
	return a
}

// run runs the command and fails if it shows a token.
func (a authorisation) run(t *testing.T, typed string, args ...string) cmdtest.Result {
	t.Helper()
	got := cmdtest.RunTyping(t, a.env, typed, append([]string{"keys", "fetch-app-auth"}, args...)...)
	if said := got.Said() + got.Out; strings.Contains(said, "BB") {
		t.Errorf("a token is shown:\n%s", said)
	}
	return got
}

func (a authorisation) token(t *testing.T) keys.AppAuth {
	t.Helper()
	auth, err := keys.ParseAppAuth(a.s.Read("app_auth.json"))
	cmdtest.NoError(t, err)
	return auth
}

// The command writes a file that only its owner reads, with which the server calls; --refresh
// replaces the token.
func TestFetchAppAuth(t *testing.T) {
	t.Parallel()
	a := newAuthorisation(t)
	url := "https://integrator.example.com/granted?app_id=" + thirdPartyID + "&app_auth_code="
	for _, typed := range []string{a.AppAuthCode(a.own) + "\n", url + a.AppAuthCode(a.own)} {
		got := a.run(t, typed)
		cmdtest.NoError(t, got.Err)
		for _, want := range []string{a.path, a.s.AppID, thirdPartyID, time.Now().UTC().AddDate(0, 0, 365).Format(time.DateOnly)} {
			if !strings.Contains(got.Out, want) {
				t.Errorf("does not say %s:\n%s", want, got.Out)
			}
		}
		info, err := os.Stat(a.path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	first := a.token(t)
	cmdtest.NoError(t, a.run(t, "", "--refresh").Err)
	if a.token(t).Token == first.Token {
		t.Error("the token is not renewed")
	}
	s, keyring, err := settings.ReadKeyring(cmdtest.GetenvOf(a.env))
	cmdtest.NoError(t, err)
	gateway, err := signing.NewGateway(keyring, s.GatewayURL, signing.Options{})
	cmdtest.NoError(t, err)
	a.own.Add(alipaysim.Person{Person: "ok"})
	code, err := a.own.AuthCode("ok")
	cmdtest.NoError(t, err)
	if grant, err := gateway.Exchange(t.Context(), code); err != nil || grant.Identity.AppID != a.s.AppID {
		t.Errorf("%+v, %v", grant.Identity, err)
	}
}

// A refusal leaves the present file and no temporary one.
func TestFetchAppAuthRefused(t *testing.T) {
	t.Parallel()
	a := newAuthorisation(t)
	a.s.Write("app_auth.json", "202601BB00000000000000000000000000000000")
	before := string(a.s.Read("app_auth.json"))
	for name, c := range map[string]struct {
		typed string
		args  []string
		want  string
	}{
		"no code":                {"\n", nil, "no app_auth_code"},
		"unknown code":           {"abcdefgh", nil, "isv.code-invalid"},
		"another mini-program's": {a.AppAuthCode(a.other), nil, "mini-program 2021000000000012"},
		"no refresh token":       {"", []string{"--refresh"}, "no refresh token"},
	} {
		got := a.run(t, c.typed, c.args...)
		if got.Err == nil || !strings.Contains(got.Err.Error(), c.want) {
			t.Errorf("%s: %v", name, got.Err)
		}
		if _, err := os.Lstat(a.path + ".new"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a temporary file is left: %v", name, err)
		}
	}
	if string(a.s.Read("app_auth.json")) != before {
		t.Error("the file changed")
	}
	a.env["FUNDPASS_THIRD_PARTY_APP_ID"] = ""
	if got := a.run(t, "code"); got.Err == nil {
		t.Error("a mini-program of its own got a token")
	}
}
