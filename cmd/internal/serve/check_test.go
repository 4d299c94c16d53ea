package serve

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/settings"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A checked is the output of check.
type checked struct {
	cmdtest.Result
	t testing.TB
}

func runCheck(t testing.TB, env cmdtest.Values) checked {
	t.Helper()
	return checked{cmdtest.Run(t, env, "check"), t}
}

// want fails the test unless a line has this verdict, subject and note.
func (c checked) want(v verdict, what, note string) {
	c.t.Helper()
	for line := range strings.Lines(c.Out) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 2)
		if len(fields) == 2 && fields[0] == string(v) && strings.HasPrefix(strings.TrimSpace(fields[1]), what+" ") && strings.Contains(fields[1], note) {
			return
		}
	}
	c.t.Errorf("no line %s %s … %s:\n%s", v, what, note, c.Out)
}

// count returns the number of lines with a verdict.
func (c checked) count(v verdict) int {
	n := 0
	for line := range strings.Lines(c.Out) {
		if strings.HasPrefix(strings.TrimSpace(line), string(v)+" ") {
			n++
		}
	}
	return n
}

func TestCheckComplete(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewOwnEnv(t)
	got := runCheck(t, s.Env(cmdtest.Values{
		"FUNDPASS_TRANSPORT_KEY_FILES": s.Path("transport_private_key.pem"), "FUNDPASS_MESSAGE_TEMPLATE": "template",
	}))
	cmdtest.NoError(t, got.Err)
	got.want(verdictOK, "FUNDPASS_APP_KEY_FILE", "RSA, 2048 bits, signs and verifies")
	got.want(verdictOK, "FUNDPASS_ALIPAY_KEY_FILES", "not the application's own")
	got.want(verdictOK, "FUNDPASS_TRANSPORT_KEY_FILES", "pages encrypt with key")
	got.want(verdictOK, "FUNDPASS_POLICY_FILE", "built in")
	got.want(verdictOK, "FUNDPASS_DOCUMENTS_FILE", "built in: 6 types")
	got.want(verdictOK, "FUNDPASS_CONTENT_KEY_FILE", "not set")
	got.want(verdictOK, "database", "PostgreSQL")
	got.want(verdictOK, "database TLS", "does not leave this machine")
	got.want(verdictOK, "database clock", "apart")
	got.want(verdictOK, "database schema", "migrated")
	got.want(verdictOK, "database centre", "is new")
	if got.count(verdictFail)+got.count(verdictWarn) > 0 {
		t.Errorf("output:\n%s", got.Out)
	}

	// Check has not registered the centre.
	state, err := store.Inspect(t.Context(), s.DSN)
	cmdtest.NoError(t, err)
	if len(state.Centers) > 0 {
		t.Errorf("check registered %v", state.Centers)
	}
	s.Open()
	got = runCheck(t, s.Env())
	cmdtest.NoError(t, got.Err)
	got.want(verdictOK, "database ready", "yes")
}

// TestCheckHalf checks that the settings that are set are checked if others are missing.
func TestCheckHalf(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	got := runCheck(t, cmdtest.Values{
		"FUNDPASS_APP_KEY_FILE": s.Path("app_private_key.pem"), "FUNDPASS_DATABASE_URL": s.DSN,
	})
	if !errors.Is(got.Err, errCheckFailed) {
		t.Errorf("got %v", got.Err)
	}
	got.want(verdictOK, "FUNDPASS_APP_KEY_FILE", "signs and verifies")
	got.want(verdictOK, "database schema", "migrated")
	for _, name := range []string{"APP_ID", "ALIPAY_KEY_FILES", "COLUMN_KEY_FILE", "PEPPER_FILE"} {
		got.want(verdictFail, "FUNDPASS_"+name, "is not set")
	}
	if n := got.count(verdictFail); n != 4 {
		t.Errorf("%d lines fail:\n%s", n, got.Out)
	}
}

func TestCheckNothing(t *testing.T) {
	t.Parallel()
	got := runCheck(t, nil)
	if !errors.Is(got.Err, errCheckFailed) || got.count(verdictFail) != 6 {
		t.Errorf("%v:\n%s", got.Err, got.Out)
	}
}

func TestCheckFiles(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	cmdtest.NoError(t, os.Chmod(s.Path("column.key"), 0o644))
	got := runCheck(t, s.Env(cmdtest.Values{
		"FUNDPASS_ALIPAY_KEY_FILES": s.Path("app_public_key.txt"), "FUNDPASS_PROOF": "none",
		"FUNDPASS_PEPPER_FILE": s.Path("absent"),
	}))
	got.want(verdictFail, "FUNDPASS_ALIPAY_KEY_FILES", "application's own public key")
	got.want(verdictFail, "FUNDPASS_COLUMN_KEY_FILE", "chmod 600")
	got.want(verdictFail, "FUNDPASS_PEPPER_FILE", "absent")
	got.want(verdictWarn, "FUNDPASS_PROOF", "certdoc")
	got.want(verdictFail, "database", "unavailable")
}

func TestCheckCertificates(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	got := runCheck(t, s.Env(s.Certify(time.Now().AddDate(0, 0, 31))))
	got.want(verdictOK, "FUNDPASS_APP_CERT_FILE", "ends on")
	got.want(verdictOK, "FUNDPASS_ALIPAY_KEY_FILES", "certificate to")
	got = runCheck(t, s.Env(s.Certify(time.Now().AddDate(0, 0, 29))))
	got.want(verdictWarn, "FUNDPASS_ALIPAY_KEY_FILES", "certificate ends on")
	got = runCheck(t, s.Env(s.Certify(time.Now().Add(-time.Minute))))
	got.want(verdictFail, "FUNDPASS_ALIPAY_KEY_FILES", "expired")
}

func TestCheckDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		prepare func(s *cmdtest.ServerEnv)
		what    string
		note    string
	}{
		{"not migrated", func(s *cmdtest.ServerEnv) { s.DSN = storetest.EmptyDSN(t) }, "database schema", "run: fundpass migrate"},
		{"demo", func(s *cmdtest.ServerEnv) {
			storetest.Open(t, s.DSN, storetest.WithCenter("demo", "2021990100000000"))
		}, "database centre", "fundpass demo"},
		{"another application", func(s *cmdtest.ServerEnv) {
			storetest.Open(t, s.DSN, storetest.WithCenter("test", "2021000000000009"))
		}, "database centre", "2021000000000009"},
		{"another centre", func(s *cmdtest.ServerEnv) {
			storetest.Open(t, s.DSN, storetest.WithCenter("elsewhere", cmdtest.TestAppID))
		}, "database centre", "FUNDPASS_CENTER=elsewhere"},
		{"read-only", func(s *cmdtest.ServerEnv) { s.DSN += " default_transaction_read_only=on" }, "database role", "primary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := cmdtest.NewOwnEnv(t)
			c.prepare(s)
			got := runCheck(t, s.Env())
			got.want(verdictFail, c.what, c.note)
			if n := got.count(verdictFail); n != 1 || !errors.Is(got.Err, errCheckFailed) {
				t.Errorf("%d lines fail, %v:\n%s", n, got.Err, got.Out)
			}
		})
	}
}

func TestFindClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ahead time.Duration
		want  verdict
	}{
		{0, verdictOK}, {-2 * time.Second, verdictOK}, {2001 * time.Millisecond, verdictWarn},
		{-30 * time.Second, verdictWarn}, {31 * time.Second, verdictFail}, {-31 * time.Second, verdictFail},
	} {
		if got := findClock(store.Condition{Ahead: c.ahead}); got.verdict != c.want {
			t.Errorf("%s: %+v", c.ahead, got)
		}
	}
}

// TestCheckKeepsSecrets checks that no wrong setting makes check print a key or a
// password.
func TestCheckKeepsSecrets(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	const canary = "canary4711"
	s.Write("broken.key", canary+strings.Repeat("x", 64))
	for _, env := range []cmdtest.Values{
		s.Env(cmdtest.Values{"FUNDPASS_DATABASE_URL": "postgres://u:" + canary + "@127.0.0.1:1/x?sslmode=disable"}),
		s.Env(cmdtest.Values{"FUNDPASS_DATABASE_URL": "postgres://u:" + canary + "@db.example.com/x"}),
		s.Env(cmdtest.Values{"FUNDPASS_APP_KEY_FILE": s.Path("broken.key"), "FUNDPASS_PEPPER_FILE": s.Path("broken.key"), "FUNDPASS_CONTENT_KEY_FILE": s.Path("broken.key")}),
	} {
		got := runCheck(t, env)
		if all := got.Out + got.Log + got.Err.Error(); strings.Contains(all, canary) {
			t.Error(all)
		}
		for _, content := range cmdtest.TestKeys().Files {
			cmdtest.CheckNoKey(t, got.Out, content)
		}
	}
}

// Check says which channels are on, and fails where citizens could choose a password that a
// channel cannot type.
func TestCheckChannels(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewEnv(t)
	db := s.Open()
	got := runCheck(t, s.Env())
	got.want(verdictOK, "channel", "alipay is on")
	if strings.Contains(got.Out, "hotline") {
		t.Error("check names a channel that was never on")
	}
	set := func(name string, change func(*store.ChannelEntry)) {
		t.Helper()
		_, err := db.Registry().ChangeChannel(t.Context(), store.ChannelOrder{Channel: name, Action: store.ActionChannelSet, Operator: "li", Reason: "test"},
			func(e *store.ChannelEntry) error { change(e); return nil })
		cmdtest.NoError(t, err)
	}
	set(store.ChannelHotline, func(e *store.ChannelEntry) { e.IsOn = true })
	if got := runCheck(t, s.Env()); got.Err != nil {
		t.Errorf("a phone PIN: %v\n%s", got.Err, got.Out)
	}
	set(store.ChannelHotline, func(e *store.ChannelEntry) { e.Credential, e.SharesPassword = store.CredentialPassword, true })
	_, err := db.Registry().SwitchOff(t.Context(), store.ChannelOrder{Channel: store.ChannelAlipay, Operator: "li", Reason: "drill"}, true)
	cmdtest.NoError(t, err)
	got = runCheck(t, s.Env())
	got.want(verdictFail, "channel", "hotline types only 0-9")
	parsed, err := settings.Read(cmdtest.GetenvOf(s.Env()))
	cmdtest.NoError(t, err)
	var log strings.Builder
	a, err := Assemble(t.Context(), parsed, slog.New(slog.NewTextHandler(&log, nil)))
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, a.Close())
	if !strings.Contains(log.String(), "passwords that a channel cannot type") {
		t.Errorf("serve starts silently: %s", log.String())
	}
	got.want(verdictWarn, "channel", "hotline is on; the password alone opens it")
	got.want(verdictWarn, "channel", "alipay was switched off by hand: drill")
	if !errors.Is(got.Err, errCheckFailed) {
		t.Error(got.Err)
	}
}
