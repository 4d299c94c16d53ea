package oidcsim_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/miniapp-api/website/oidc/oidcsim"
)

const (
	secret   = "secret of the client"
	redirect = "https://hall.example/callback"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

type env struct {
	t     *testing.T
	base  string
	ahead atomic.Int64
}

func newEnv(t *testing.T) *env {
	e := &env{t: t}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	e.base = server.URL + "/province"
	sim, err := oidcsim.New(oidcsim.Config{
		Issuer: e.base, ClientID: "hall", ClientSecret: secret, RedirectURL: redirect,
		People: []oidcsim.Person{{Login: "zhang", Name: "张三", IDType: "10", IDNumber: "11010519491231002X", Level: "L3"}},
		Now:    func() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = sim.Handler()
	return e
}

// request is a right authorization request, with changes.
func request(changes url.Values) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {"hall"}, "redirect_uri": {redirect}, "scope": {"openid"}, "state": {strings.Repeat("s", 26)},
		"nonce": {strings.Repeat("n", 26)}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
	maps.Copy(q, changes)
	return q
}

// authorize posts the choice of Zhang and returns the status and the redirect's query.
func (e *env) authorize(changes url.Values) (int, url.Values) {
	e.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(e.base+"/authorize?"+request(changes).Encode(), url.Values{"login": {"zhang"}})
	if err != nil {
		e.t.Fatal(err)
	}
	resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, location.Query()
}

// token posts a token request for a code, with changes, and returns the answer.
func (e *env) token(code, password string, changes url.Values) map[string]any {
	e.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	maps.Copy(form, changes)
	r, err := http.NewRequest(http.MethodPost, e.base+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if password != "" {
		r.SetBasicAuth("hall", url.QueryEscape(password))
	}
	return e.do(r)
}

func (e *env) do(r *http.Request) map[string]any {
	e.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		e.t.Fatal(err)
	}
	return answer
}

// The simulator refuses what a real issuer refuses; a wrong client gets no redirect.
func TestAuthorizeIsStrict(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, c := range map[string]struct {
		changes url.Values
		status  int
		code    string
	}{
		"right":              {nil, 303, ""},
		"other client":       {url.Values{"client_id": {"x"}}, 400, ""},
		"other redirect":     {url.Values{"redirect_uri": {redirect + "/x"}}, 400, ""},
		"repeated parameter": {url.Values{"state": {"a", "b"}}, 400, ""},
		"implicit flow":      {url.Values{"response_type": {"id_token"}}, 303, "unsupported_response_type"},
		"no openid":          {url.Values{"scope": {"profile"}}, 303, "invalid_scope"},
		"plain PKCE":         {url.Values{"code_challenge_method": {"plain"}}, 303, "invalid_request"},
		"no PKCE":            {url.Values{"code_challenge": nil}, 303, "invalid_request"},
		"short challenge":    {url.Values{"code_challenge": {"abc"}}, 303, "invalid_request"},
		"short state":        {url.Values{"state": {"1"}}, 303, "invalid_request"},
		"no nonce":           {url.Values{"nonce": nil}, 303, "invalid_request"},
	} {
		if c.changes != nil {
			for k, v := range c.changes {
				if v == nil {
					c.changes[k] = []string{""}
				}
			}
		}
		status, q := e.authorize(c.changes)
		if status != c.status || q.Get("error") != c.code || (c.code == "" && status == 303) != (q.Get("code") != "") {
			t.Errorf("%s: %d, %v", name, status, q)
		}
	}
}

func TestTokenIsStrict(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	code := func() string {
		_, q := e.authorize(nil)
		return q.Get("code")
	}
	for name, c := range map[string]struct {
		password string
		changes  url.Values
		want     string
	}{
		"no client":       {"", nil, "invalid_client"},
		"wrong secret":    {"x", nil, "invalid_client"},
		"secret in form":  {"", url.Values{"client_id": {"hall"}, "client_secret": {secret}}, "invalid_client"},
		"both":            {secret, url.Values{"client_secret": {secret}}, "invalid_client"},
		"other grant":     {secret, url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
		"other code":      {secret, url.Values{"code": {"x"}}, "invalid_grant"},
		"other redirect":  {secret, url.Values{"redirect_uri": {redirect + "/"}}, "invalid_grant"},
		"other verifier":  {secret, url.Values{"code_verifier": {verifier[1:] + "a"}}, "invalid_grant"},
		"no verifier":     {secret, url.Values{"code_verifier": {""}}, "invalid_grant"},
		"repeated fields": {secret, url.Values{"code": {"x", "y"}}, "invalid_request"},
	} {
		if got := e.token(code(), c.password, c.changes); got["error"] != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	late := code()
	e.ahead.Store(int64(2 * time.Minute))
	if got := e.token(late, secret, nil); got["error"] != "invalid_grant" {
		t.Errorf("old code: %v", got)
	}
}

// A code that is used twice ends the access token of its first use (RFC 6749, section 4.1.2).
func TestCodeOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	_, q := e.authorize(nil)
	token, _ := e.token(q.Get("code"), secret, nil)["access_token"].(string)
	info := func() map[string]any {
		r, err := http.NewRequest(http.MethodGet, e.base+"/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		return e.do(r)
	}
	if got := info(); got["name"] != "张三" || got["sub"] != "zhang" {
		t.Errorf("userinfo %v", got)
	}
	if got := e.token(q.Get("code"), secret, nil); got["error"] != "invalid_grant" {
		t.Errorf("again: %v", got)
	}
	if got := info(); got["error"] != "invalid_token" {
		t.Errorf("userinfo after the code was used twice: %v", got)
	}
}
