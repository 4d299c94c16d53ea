package serve

import (
	"context"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
)

func TestExpiringSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		alipay, app time.Time
		want        []string
	}{
		{"neither", cmdtest.InDays(31), cmdtest.InDays(31), nil},
		{"Alipay's", cmdtest.InDays(29), cmdtest.InDays(31), []string{"FUNDPASS_ALIPAY_KEY_FILES"}},
		{"the application's", cmdtest.InDays(31), cmdtest.InDays(29), []string{"FUNDPASS_APP_CERT_FILE"}},
		{"both", cmdtest.InDays(1), cmdtest.InDays(1), []string{"FUNDPASS_APP_CERT_FILE", "FUNDPASS_ALIPAY_KEY_FILES"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			se := cmdtest.NewBareEnv(t)
			env := se.Env(se.CertifyBoth(c.alipay, c.app), cmdtest.Values{"FUNDPASS_MESSAGE_TEMPLATE": "template"})
			s, err := settings.Read(cmdtest.GetenvOf(env))
			cmdtest.NoError(t, err)
			keyring, problems := s.LoadKeyring()
			cmdtest.NoError(t, settings.Join(problems))
			if diff := cmp.Diff(c.want, settingsOf(s.Expiring(keyring, time.Now()))); diff != "" {
				t.Error(diff)
			}
			// Certificates that expired while the server ran are named, too.
			if all := s.Expiring(keyring, cmdtest.InDays(60)); len(all) != 2 {
				t.Errorf("after the end: %v", all)
			}
			got := runCheck(t, env)
			for _, name := range c.want {
				got.want(verdictWarn, name, "certificate ends on")
			}
			if n := got.count(verdictWarn); n != len(c.want) {
				t.Errorf("check warns of %d:\n%s", n, got.Out)
			}
		})
	}
}

func settingsOf(all []settings.Problem) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.Setting)
	}
	return names
}

// TestWatchExpiry checks that the watcher warns at once and again, and stops with its
// context.
func TestWatchExpiry(t *testing.T) {
	t.Parallel()
	se := cmdtest.NewBareEnv(t)
	var log cmdtest.LogBuffer
	a := keyringApp(se, se.Certify(cmdtest.InDays(29)), &log)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.watchExpiry(ctx, time.Millisecond); close(done) }()
	testenv.Eventually(t, "it has warned again", func() bool { return strings.Count(log.String(), "certificate ends soon") >= 3 })
	stop()
	<-done
	if !strings.Contains(log.String(), `"level":"WARN"`) || !strings.Contains(log.String(), "alipay.crt") {
		t.Error(log.String())
	}
}

// keyringApp returns an App with only a gateway and a log.
func keyringApp(s *cmdtest.ServerEnv, change cmdtest.Values, log *cmdtest.LogBuffer) *App {
	s.T.Helper()
	settings, keyring, err := settings.ReadKeyring(cmdtest.GetenvOf(s.Env(change)))
	cmdtest.NoError(s.T, err)
	gateway, err := signing.NewGateway(keyring, settings.GatewayURL, signing.Options{})
	cmdtest.NoError(s.T, err)
	return &App{log: slog.New(slog.NewJSONHandler(log, nil)), gateway: gateway, Settings: settings}
}

// TestCertificateEnds checks that two files with the same name give one entry with the
// earlier time.
func TestCertificateEnds(t *testing.T) {
	t.Parallel()
	se := cmdtest.NewBareEnv(t)
	a := keyringApp(se, se.CertifyBoth(cmdtest.InDays(20), cmdtest.InDays(40)), new(cmdtest.LogBuffer))
	early, late := cmdtest.InDays(5), cmdtest.InDays(9)
	keyring, err := keys.NewAlipayKeyring(cmdtest.TestAppID, a.gateway.Keyring().Signer(), []keys.AlipayKey{
		{SN: "1", Public: &cmdtest.TestKeys().Alipay[0].PublicKey, NotAfter: late, Source: "/a/x.crt"},
		{SN: "2", Public: &cmdtest.TestKeys().Alipay[1].PublicKey, NotAfter: early, Source: "/b/x.crt"},
	})
	cmdtest.NoError(t, err)
	if got := a.certificateEnds(); len(got) != 2 || got["app.crt"].Before(got["alipay.crt"]) {
		t.Errorf("got %v", got)
	}
	cmdtest.NoError(t, a.gateway.Replace(keyring))
	if diff := cmp.Diff(map[string]time.Time{"x.crt": early}, a.certificateEnds()); diff != "" {
		t.Error(diff)
	}
}

var certificateMetric = regexp.MustCompile(`(?m)^fundpass_certificate_expires_seconds\{file="([^"]*)"\} (\S+)$`)

// secondsLeft reads the metric from the operators' address.
func secondsLeft(t testing.TB, ops string) map[string]float64 {
	t.Helper()
	_, body := cmdtest.Fetch(t, "GET", ops+"/metrics", "")
	left := make(map[string]float64)
	for _, m := range certificateMetric.FindAllStringSubmatch(body, -1) {
		value, err := strconv.ParseFloat(m[2], 64)
		cmdtest.NoError(t, err)
		left[m[1]] = value
	}
	return left
}

// TestExpiryOfServer checks that a server logs and reports an expiring certificate until
// it reloads a new one.
func TestExpiryOfServer(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	p := cmdtest.StartServer(t, s.Env(s.Certify(cmdtest.InDays(10))))
	p.AwaitLog("certificate ends soon", 1)
	left := secondsLeft(t, p.Ops)
	if d := left["alipay.crt"] / 86400; len(left) != 2 || d < 9.9 || d > 10.1 || left["app.crt"] < 364*86400 {
		t.Errorf("got %v", left)
	}
	s.Certify(cmdtest.InDays(100))
	p.HangUp()
	p.AwaitLog("keys reloaded", 1)
	if d := secondsLeft(t, p.Ops)["alipay.crt"] / 86400; d < 99.9 {
		t.Errorf("%v days left after the renewal", d)
	}
	s.Certify(cmdtest.InDays(3))
	p.HangUp()
	p.AwaitLog("certificate ends soon", 2)
	cmdtest.NoError(t, p.Stop())
}
