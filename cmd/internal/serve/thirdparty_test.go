package serve

import (
	"testing"

	"fundpass/cmd/internal/cmdtest"
)

// A server of a third-party application warns of a token that ends, reports its end as a metric and
// reloads the file at SIGHUP. check says until when the token applies, and not what it is.
func TestThirdPartyServer(t *testing.T) {
	t.Parallel()
	const token = "202601BB7f3a9c1e5d2b4860a1c3e5f708192a3b"
	s := cmdtest.NewEnv(t)
	write := func(days int) {
		s.Write("auth.json", `{"auth_app_id":"`+s.AppID+`","app_auth_token":"`+token+`","not_after":"`+cmdtest.InDays(days).UTC().Format("2006-01-02T15:04:05Z")+`"}`)
	}
	write(10)
	env := s.Env(cmdtest.Values{"FUNDPASS_THIRD_PARTY_APP_ID": "2021000000000009", "FUNDPASS_APP_AUTH_TOKEN_FILE": s.Path("auth.json")})
	p := cmdtest.StartServer(t, env)
	p.AwaitLog("app_auth_token ends soon", 1)
	if d := secondsLeft(t, p.Ops)["auth.json"] / 86400; d < 9.9 || d > 10.1 {
		t.Errorf("%v days left", d)
	}
	runCheck(t, env).want(verdictWarn, "FUNDPASS_APP_AUTH_TOKEN_FILE", "app_auth_token ends on")
	write(100)
	p.HangUp()
	p.AwaitLog("keys reloaded", 1)
	if d := secondsLeft(t, p.Ops)["auth.json"] / 86400; d < 99.9 {
		t.Errorf("%v days left after the renewal", d)
	}
	runCheck(t, env).want(verdictOK, "FUNDPASS_APP_AUTH_TOKEN_FILE", "app_auth_token to "+cmdtest.InDays(100).UTC().Format("2006-01-02"))
	s.Write("auth.json", `{"auth_app_id":"2021000000000012","app_auth_token":"`+token+`"}`)
	p.HangUp()
	p.AwaitLog("keys not reloaded, the old ones remain", 1)
	cmdtest.NoError(t, p.Stop())
}
