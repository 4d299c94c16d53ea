package main

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A checked is the table that check printed.
type checked struct {
	result
	t testing.TB
}

func runCheck(t testing.TB, env values) checked {
	t.Helper()
	return checked{runWith(t, env, "check"), t}
}

// want fails unless a line says v of what, with note in it.
func (c checked) want(v verdict, what, note string) {
	c.t.Helper()
	for line := range strings.Lines(c.out) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 2)
		if len(fields) == 2 && fields[0] == string(v) && strings.HasPrefix(strings.TrimSpace(fields[1]), what+" ") && strings.Contains(fields[1], note) {
			return
		}
	}
	c.t.Errorf("no line says %s %s … %s:\n%s", v, what, note, c.out)
}

// count is how many lines carry a verdict.
func (c checked) count(v verdict) int {
	n := 0
	for line := range strings.Lines(c.out) {
		if strings.HasPrefix(strings.TrimSpace(line), string(v)+" ") {
			n++
		}
	}
	return n
}

func TestCheckComplete(t *testing.T) {
	t.Parallel()
	s := newOwnServerEnv(t)
	got := runCheck(t, s.env(values{
		"FUNDPASS_TRANSPORT_KEY_FILES": s.path("transport_private_key.pem"), "FUNDPASS_MESSAGE_TEMPLATE": "template",
	}))
	noError(t, got.err)
	got.want(verdictOK, "FUNDPASS_APP_KEY_FILE", "RSA, 2048 bits, signs and verifies")
	got.want(verdictOK, "FUNDPASS_ALIPAY_KEY_FILES", "not the application's own")
	got.want(verdictOK, "FUNDPASS_TRANSPORT_KEY_FILES", "is handed out")
	got.want(verdictOK, "FUNDPASS_POLICY_FILE", "built in")
	got.want(verdictOK, "FUNDPASS_DOCUMENTS_FILE", "built in: 6 types")
	got.want(verdictOK, "FUNDPASS_CONTENT_KEY_FILE", "not set")
	got.want(verdictOK, "database", "PostgreSQL")
	got.want(verdictOK, "database TLS", "does not leave this machine")
	got.want(verdictOK, "database clock", "apart")
	got.want(verdictOK, "database schema", "migrated")
	got.want(verdictOK, "database centre", "is new")
	if got.count(verdictFail)+got.count(verdictWarn) > 0 {
		t.Errorf("complains:\n%s", got.out)
	}

	// It has not done what only serve may do.
	state, err := store.Inspect(t.Context(), s.dsn)
	noError(t, err)
	if len(state.Centers) > 0 {
		t.Errorf("check registered %v", state.Centers)
	}
	s.open()
	got = runCheck(t, s.env())
	noError(t, got.err)
	got.want(verdictOK, "database ready", "yes")
}

// Half of the settings are missing: the other half is judged all the same.
func TestCheckHalf(t *testing.T) {
	t.Parallel()
	s := newServerEnv(t)
	got := runCheck(t, values{
		"FUNDPASS_APP_KEY_FILE": s.path("app_private_key.pem"), "FUNDPASS_DATABASE_URL": s.dsn,
	})
	if !errors.Is(got.err, errCheckFailed) {
		t.Errorf("got %v", got.err)
	}
	got.want(verdictOK, "FUNDPASS_APP_KEY_FILE", "signs and verifies")
	got.want(verdictOK, "database schema", "migrated")
	for _, name := range []string{"APP_ID", "ALIPAY_KEY_FILES", "COLUMN_KEY_FILE", "PEPPER_FILE"} {
		got.want(verdictFail, "FUNDPASS_"+name, "is not set")
	}
	if n := got.count(verdictFail); n != 4 {
		t.Errorf("%d lines fail:\n%s", n, got.out)
	}
}

func TestCheckNothing(t *testing.T) {
	t.Parallel()
	got := runCheck(t, nil)
	if !errors.Is(got.err, errCheckFailed) || got.count(verdictFail) != 6 {
		t.Errorf("%v:\n%s", got.err, got.out)
	}
}

func TestCheckFiles(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	noError(t, os.Chmod(s.path("column.key"), 0o644))
	got := runCheck(t, s.env(values{
		"FUNDPASS_ALIPAY_KEY_FILES": s.path("app_public_key.txt"), "FUNDPASS_PROOF": "none",
		"FUNDPASS_PEPPER_FILE": s.path("absent"),
	}))
	got.want(verdictFail, "FUNDPASS_ALIPAY_KEY_FILES", "application's own public key")
	got.want(verdictFail, "FUNDPASS_COLUMN_KEY_FILE", "chmod 600")
	got.want(verdictFail, "FUNDPASS_PEPPER_FILE", "absent")
	got.want(verdictWarn, "FUNDPASS_PROOF", "certdoc")
	got.want(verdictFail, "database", "unavailable")
}

func TestCheckCertificates(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	got := runCheck(t, s.env(s.certify(time.Now().AddDate(0, 0, 31))))
	got.want(verdictOK, "FUNDPASS_APP_CERT_FILE", "ends on")
	got.want(verdictOK, "FUNDPASS_ALIPAY_KEY_FILES", "certificate to")
	got = runCheck(t, s.env(s.certify(time.Now().AddDate(0, 0, 29))))
	got.want(verdictWarn, "FUNDPASS_ALIPAY_KEY_FILES", "certificate ends on")
	got = runCheck(t, s.env(s.certify(time.Now().Add(-time.Minute))))
	got.want(verdictFail, "FUNDPASS_ALIPAY_KEY_FILES", "expired")
}

func TestCheckDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		prepare func(s *serverEnv)
		what    string
		note    string
	}{
		{"not migrated", func(s *serverEnv) { s.dsn = storetest.EmptyDSN(t) }, "database schema", "run: fundpass migrate"},
		{"demo", func(s *serverEnv) {
			storetest.Open(t, s.dsn, storetest.WithCenter("demo", "2021990100000000"))
		}, "database centre", "fundpass demo"},
		{"another application", func(s *serverEnv) {
			storetest.Open(t, s.dsn, storetest.WithCenter("test", "2021000000000009"))
		}, "database centre", "2021000000000009"},
		{"another centre", func(s *serverEnv) {
			storetest.Open(t, s.dsn, storetest.WithCenter("elsewhere", testAppID))
		}, "database centre", "FUNDPASS_CENTER=elsewhere"},
		{"read-only", func(s *serverEnv) { s.exec(`SET default_transaction_read_only = on`) }, "database role", "primary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newOwnServerEnv(t)
			c.prepare(s)
			got := runCheck(t, s.env())
			got.want(verdictFail, c.what, c.note)
			if n := got.count(verdictFail); n != 1 || !errors.Is(got.err, errCheckFailed) {
				t.Errorf("%d lines fail, %v:\n%s", n, got.err, got.out)
			}
		})
	}
}

// exec changes a setting of the environment's database for connections to come.
func (s *serverEnv) exec(set string) {
	s.t.Helper()
	db, err := sql.Open("postgres", s.dsn)
	noError(s.t, err)
	defer db.Close()
	var name string
	noError(s.t, db.QueryRow(`SELECT current_database()`).Scan(&name))
	_, err = db.Exec(`ALTER DATABASE ` + name + ` ` + set)
	noError(s.t, err)
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

// Neither keys nor passwords are printed, whatever is wrong.
func TestCheckKeepsSecrets(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	const canary = "canary4711"
	s.write("broken.key", canary+strings.Repeat("x", 64))
	for _, env := range []values{
		s.env(values{"FUNDPASS_DATABASE_URL": "postgres://u:" + canary + "@127.0.0.1:1/x?sslmode=disable"}),
		s.env(values{"FUNDPASS_DATABASE_URL": "postgres://u:" + canary + "@db.example.com/x"}),
		s.env(values{"FUNDPASS_APP_KEY_FILE": s.path("broken.key"), "FUNDPASS_PEPPER_FILE": s.path("broken.key"), "FUNDPASS_CONTENT_KEY_FILE": s.path("broken.key")}),
	} {
		got := runCheck(t, env)
		if all := got.out + got.log + got.err.Error(); strings.Contains(all, canary) {
			t.Error(all)
		}
		for _, f := range testKeys().files {
			checkNoKey(t, got.out, f.content)
		}
	}
}
