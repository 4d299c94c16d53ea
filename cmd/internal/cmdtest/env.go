package cmdtest

import (
	"crypto/rsa"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"fundpass/keys"
	"fundpass/signing/alipaysim"
	"fundpass/store/storetest"
)

// TestAppID is the application id of environments that have a database of their own, or
// none.
const TestAppID = storetest.AppID

// A ServerEnv is everything a server needs except a process: key files, a simulated
// Alipay, and a centre of its own in the database of DSN.
type ServerEnv struct {
	T      testing.TB
	Dir    string
	DSN    string
	Center string
	AppID  string
	Sim    *alipaysim.Sim // the current simulator

	Gateway *httptest.Server
	Alipay  atomic.Pointer[alipaysim.Sim]
}

// NewEnv returns an environment with a centre of its own in the database that most tests
// share.
func NewEnv(t testing.TB) *ServerEnv { t.Helper(); return newEnvOn(t, storetest.Shared(t)) }

// NewOwnEnv returns an environment with a migrated database of its own, for tests that
// read all of it.
func NewOwnEnv(t testing.TB) *ServerEnv { t.Helper(); return newEnvOn(t, storetest.DSN(t)) }

// NewBareEnv returns an environment without a database. A connection to its DSN is
// refused.
func NewBareEnv(t testing.TB) *ServerEnv {
	t.Helper()
	return newEnvOn(t, "postgres://fundpass@127.0.0.1:1/fundpass?sslmode=disable")
}

// newEnvOn returns an environment with the database of dsn.
func newEnvOn(t testing.TB, dsn string) *ServerEnv {
	t.Helper()
	s := &ServerEnv{T: t, Dir: t.TempDir(), DSN: dsn}
	s.Center, s.AppID = storetest.CenterOf(dsn)
	for name, content := range TestKeys().Files {
		NoError(t, os.WriteFile(s.Path(name), content, 0o600))
	}
	s.serveAlipay(TestKeys().Alipay[0])
	s.Gateway = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Alipay.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Gateway.Close)
	return s
}

// testContentKey is the key that Alipay's console shows as MDEyMzQ1Njc4OWFiY2RlZg==.
var testContentKey = []byte("0123456789abcdef")

// serveAlipay replaces the simulator by one that signs with key, and writes its public
// key file.
func (s *ServerEnv) serveAlipay(key *rsa.PrivateKey) {
	s.T.Helper()
	app, err := keys.ParsePrivateKey(s.Read("app_private_key.pem"))
	NoError(s.T, err)
	s.Sim, err = alipaysim.New(alipaysim.Config{AppID: s.AppID, AppKey: &app.PublicKey, Key: key, ContentKey: testContentKey})
	NoError(s.T, err)
	s.Alipay.Store(s.Sim)
	s.Write("alipay_public_key.txt", PublicText(s.T, &key.PublicKey))
}

// ChangeAlipayKey replaces Alipay's key, as a renewal in the console does.
func (s *ServerEnv) ChangeAlipayKey() {
	s.T.Helper()
	s.serveAlipay(TestKeys().Alipay[1])
	s.Sim.Add(OKPerson)
}

// Path returns the path of a file in the environment's directory.
func (s *ServerEnv) Path(name string) string { return filepath.Join(s.Dir, name) }

// Read returns the content of a file in the environment's directory.
func (s *ServerEnv) Read(name string) []byte {
	s.T.Helper()
	data, err := os.ReadFile(s.Path(name))
	NoError(s.T, err)
	return data
}

// Write replaces a file by rename, because a server may read it at any moment.
func (s *ServerEnv) Write(name, content string) {
	s.T.Helper()
	NoError(s.T, os.WriteFile(s.Path(name+".next"), []byte(content), 0o600))
	NoError(s.T, os.Rename(s.Path(name+".next"), s.Path(name)))
}

// Env returns complete settings for serve on free ports. The maps in change override
// them; an empty value removes a setting.
func (s *ServerEnv) Env(change ...map[string]string) map[string]string {
	env := map[string]string{
		"FUNDPASS_ADDR": "127.0.0.1:0", "FUNDPASS_OPS_ADDR": "127.0.0.1:0",
		"FUNDPASS_ENVIRONMENT": "test", "FUNDPASS_CENTER": s.Center,
		"FUNDPASS_DATABASE_URL":     s.DSN,
		"FUNDPASS_APP_ID":           s.AppID,
		"FUNDPASS_APP_KEY_FILE":     s.Path("app_private_key.pem"),
		"FUNDPASS_ALIPAY_KEY_FILES": s.Path("alipay_public_key.txt"),
		"FUNDPASS_GATEWAY_URL":      s.Gateway.URL + "/gateway.do",
		"FUNDPASS_COLUMN_KEY_FILE":  s.Path("column.key"),
		"FUNDPASS_PEPPER_FILE":      s.Path("pepper.key"),
		"FUNDPASS_TRUSTED_PROXIES":  "127.0.0.1",
	}
	for _, c := range change {
		maps.Copy(env, c)
	}
	return env
}

// Values maps names of environment variables to their values.
type Values = map[string]string
