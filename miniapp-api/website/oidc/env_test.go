package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/website/oidc"
	"fundpass/miniapp-api/website/oidc/oidcsim"
	"fundpass/store"
	"fundpass/store/storetest"
)

const redirectURL = "https://hall.example/login/province/callback"

var zhang = oidcsim.Person{Login: "zhang", Name: "张三", IDType: "10", IDNumber: "11010519491231002X", Level: "L3"}

// issuerKey is the first key of every issuer.
var issuerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// An env is an issuer and a client of it.
type env struct {
	t      *testing.T
	sim    *oidcsim.Sim
	issuer *httptest.Server
	db     *store.DB
	cipher *keys.ColumnCipher
	client *oidc.Client
	secret string
	ahead  atomic.Int64 // of the clock
}

// A change adjusts an env before it is made.
type change func(*oidcsim.Config, *oidc.Settings, *oidc.Options)

func newEnv(t *testing.T, changes ...change) *env {
	t.Helper()
	e := &env{t: t, cipher: storetest.NewColumnCipher(t), secret: "secret " + rand.Text()}
	e.secret = strings.ReplaceAll(e.secret, " ", "&+%") // must be escaped
	e.db = e.openDB()
	var handler http.Handler
	e.issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(e.issuer.Close)
	c := oidcsim.Config{Issuer: e.issuer.URL + "/province", ClientID: "fund hall", ClientSecret: e.secret, RedirectURL: redirectURL, Now: e.now,
		People: []oidcsim.Person{zhang}, Key: issuerKey()}
	s := oidc.Settings{
		Name: "模拟省统一身份认证平台", Issuer: c.Issuer, ClientID: c.ClientID, SecretFile: "secret", ClientAuth: "basic",
		Scopes: []string{"profile"}, Claims: oidc.Claims{Name: "name", IDType: "id_type", IDNumber: "id_number"},
		IDTypes: map[string]string{"10": "01", "11": "03"}, Require: map[string][]string{"level": {"L2", "L3"}},
	}
	o := oidc.Options{RedirectURL: redirectURL}
	for _, f := range changes {
		f(&c, &s, &o)
	}
	var err error
	e.sim, err = oidcsim.New(c)
	noError(t, err)
	handler = e.sim.Handler()
	e.client, err = oidc.New(s.WithSecret(e.secret), e.db, o)
	noError(t, err)
	return e
}

func (e *env) now() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) }

// openDB opens another server's connection to the same database.
func (e *env) openDB() *store.DB {
	return storetest.Open(e.t, storetest.Shared(e.t), storetest.WithColumnCipher(e.cipher), storetest.WithNow(e.now))
}

// start begins a sign-in and returns the issuer's address and the cookies.
func (e *env) start(c *oidc.Client) (address string, cookies []*http.Cookie) {
	e.t.Helper()
	w := httptest.NewRecorder()
	noError(e.t, c.Start(w, httptest.NewRequest(http.MethodGet, "/login/province", nil)))
	return w.Header().Get("Location"), w.Result().Cookies()
}

// choose signs a person in at the issuer and returns the address to which it redirects.
func (e *env) choose(address, login string) *url.URL {
	e.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(address, url.Values{"login": {login}})
	noError(e.t, err)
	resp.Body.Close()
	back, err := resp.Location()
	noError(e.t, err)
	return back
}

// finish ends a sign-in. It fails the test if an error reveals anything.
func (e *env) finish(c *oidc.Client, back *url.URL, cookies []*http.Cookie) (oidc.Person, error) {
	e.t.Helper()
	r := httptest.NewRequest(http.MethodGet, back.RequestURI(), nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	p, err := c.Finish(w, r)
	if err == nil {
		return p, nil
	}
	if p != (oidc.Person{}) {
		e.t.Errorf("a person beside the error %v", err)
	}
	q := back.Query()
	for _, secret := range []string{e.secret, zhang.Name, zhang.IDNumber, zhang.Login, q.Get("code"), q.Get("state")} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			e.t.Errorf("the error reveals %q: %v", secret, err)
		}
	}
	return p, err
}

// signIn signs Zhang in.
func (e *env) signIn() (oidc.Person, error) {
	e.t.Helper()
	address, cookies := e.start(e.client)
	return e.finish(e.client, e.choose(address, "zhang"), cookies)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
