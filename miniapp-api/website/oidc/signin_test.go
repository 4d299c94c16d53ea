package oidc_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/miniapp-api/website/oidc"
	"fundpass/miniapp-api/website/oidc/oidcsim"
)

var zhangHere = oidc.Person{Name: "张三", IDType: "01", IDNumber: "11010519491231002X"}

// A person signs in, with the claims in userinfo or in the id_token and with either way to
// authenticate the client.
func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		change   change
		userInfo int // calls
	}{
		{"userinfo", func(*oidcsim.Config, *oidc.Settings, *oidc.Options) {}, 1},
		{"claims in the id_token", func(c *oidcsim.Config, _ *oidc.Settings, _ *oidc.Options) { c.InToken = true }, 0},
		{"secret in the form", func(c *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) {
			c.ClientAuth, s.ClientAuth = "post", "post"
		}, 1},
		{"one document type", func(_ *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) {
			s.Claims.IDType, s.IDTypes = "", map[string]string{"": "01"}
		}, 1},
		{"signed in at the issuer just now", func(_ *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) { s.MaxAge = new(0) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, c.change)
			p, err := e.signIn()
			if noError(t, err); p != zhangHere {
				t.Errorf("%+v", p)
			}
			if n := e.sim.Calls("userinfo"); n != c.userInfo {
				t.Errorf("userinfo called %d times", n)
			}
		})
	}
}

// What is sent to the browser names no secret, and is valid for this sign-in only.
func TestStart(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(_ *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) { s.MaxAge = new(300) })
	seen := map[string]bool{}
	for range 2 {
		address, cookies := e.start(e.client)
		u, err := url.Parse(address)
		noError(t, err)
		q := u.Query()
		for _, random := range []string{"state", "nonce", "code_challenge"} {
			if v := q.Get(random); len(v) < 26 || seen[v] {
				t.Errorf("%s is %q", random, v)
			}
			seen[q.Get(random)] = true
			q.Del(random)
		}
		if diff := cmp.Diff(url.Values{"response_type": {"code"}, "client_id": {"fund hall"}, "redirect_uri": {redirectURL},
			"scope": {"openid profile"}, "code_challenge_method": {"S256"}, "max_age": {"300"}}, q); diff != "" {
			t.Error(diff)
		}
		if len(cookies) != 1 {
			t.Fatalf("%d cookies", len(cookies))
		}
		c := cookies[0]
		if c.Name != "__Host-oidc" || c.Path != "/" || c.Domain != "" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 600 {
			t.Errorf("cookie %s", c.Raw)
		}
	}
}

// A redirect counts once, in the browser that began, and for ten minutes.
func TestOnceAndInOneBrowser(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	address, mine := e.start(e.client)
	_, others := e.start(e.client)
	back := e.choose(address, "zhang")
	expired := func(name string, cookies []*http.Cookie) {
		t.Helper()
		if _, err := e.finish(e.client, back, cookies); !errors.Is(err, oidc.ErrExpired) {
			t.Errorf("%s: %v", name, err)
		}
	}
	expired("no cookie", nil)
	expired("another browser", others)
	expired("two cookies", slices.Concat(others, mine))
	expired("two cookies, the right one first", slices.Concat(mine, others))
	expired("changed cookie", []*http.Cookie{{Name: mine[0].Name, Value: mine[0].Value[:20] + "A" + mine[0].Value[21:]}})
	e.ahead.Store(int64(10*time.Minute + time.Second))
	expired("too late", mine)
	e.ahead.Store(0)
	if n := e.sim.Calls("token"); n != 0 {
		t.Errorf("the code was sent %d times", n)
	}
	p, err := e.finish(e.client, back, mine)
	if noError(t, err); p != zhangHere {
		t.Errorf("%+v", p)
	}
	expired("again", mine)
	if n := e.sim.Calls("token"); n != 1 {
		t.Errorf("the code was sent %d times", n)
	}
}

// A sign-in that began on one server can end on another, and once on all of them.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	var settings oidc.Settings
	e := newEnv(t, func(_ *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) { settings = *s })
	other, err := oidc.New(settings.WithSecret(e.secret), e.openDB(), oidc.Options{RedirectURL: redirectURL})
	noError(t, err)
	address, cookies := e.start(e.client)
	back := e.choose(address, "zhang")
	var done atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			switch p, err := e.finish([]*oidc.Client{other, e.client}[i%2], back, cookies); {
			case err == nil && p == zhangHere:
				done.Add(1)
			case !errors.Is(err, oidc.ErrExpired):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 {
		t.Errorf("%d of 20 signed in", done.Load())
	}
}

// A server whose settings name another issuer sends it no code (mix-up).
func TestOtherIssuerGetsNoCode(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var settings oidc.Settings
	second := newEnv(t, func(_ *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) { settings = *s })
	other, err := oidc.New(settings.WithSecret(second.secret), e.db, oidc.Options{RedirectURL: redirectURL})
	noError(t, err)
	address, cookies := e.start(e.client)
	back := e.choose(address, "zhang")
	if _, err := e.finish(other, back, cookies); !errors.Is(err, oidc.ErrExpired) {
		t.Error(err)
	}
	if n := second.sim.Calls("token"); n != 0 {
		t.Errorf("the other issuer was called %d times", n)
	}
}

// Whoever cancels at the issuer, or has no verified identity there, is told so.
func TestNotSignedIn(t *testing.T) {
	t.Parallel()
	people := []oidcsim.Person{
		zhang,
		{Login: "unverified", Name: "李四", IDType: "10", IDNumber: "110105194912310011", Level: "L1"},
		{Login: "unknown type", Name: "李四", IDType: "12", IDNumber: "110105194912310011", Level: "L3"},
		{Login: "nameless", IDType: "10", IDNumber: "110105194912310011", Level: "L3"},
		{Login: "numberless", Name: "李四", IDType: "10", Level: "L3"},
		{Login: "typeless", Name: "李四", IDNumber: "110105194912310011", Level: "L3"},
	}
	e := newEnv(t, func(c *oidcsim.Config, _ *oidc.Settings, _ *oidc.Options) { c.People = people })
	for login, want := range map[string]error{
		"": oidc.ErrDenied, "unverified": oidc.ErrUnverified, "unknown type": oidc.ErrNoDocument, "nameless": oidc.ErrNoDocument,
		"numberless": oidc.ErrNoDocument, "typeless": oidc.ErrNoDocument,
	} {
		address, cookies := e.start(e.client)
		if p, err := e.finish(e.client, e.choose(address, login), cookies); !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v", login, p, err)
		}
	}
}

// A claim that the settings do not map, or that has another type than text, identifies nobody.
func TestClaims(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oidc.Settings){
		"missing": func(s *oidc.Settings) { s.Claims.Name = "nickname" },
		"number":  func(s *oidc.Settings) { s.Claims.IDNumber = "exp" },
		"missing requirement": func(s *oidc.Settings) {
			s.Require = map[string][]string{"acr": {"2"}}
		},
	} {
		e := newEnv(t, func(c *oidcsim.Config, s *oidc.Settings, _ *oidc.Options) { c.InToken = true; change(s) })
		if p, err := e.signIn(); !errors.Is(err, oidc.ErrNoDocument) && !errors.Is(err, oidc.ErrUnverified) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// An id_token without a subject is refused even if no userinfo is needed, with whose subject it
// would be compared.
func TestNoSubject(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(c *oidcsim.Config, _ *oidc.Settings, _ *oidc.Options) { c.InToken = true })
	e.sim.Fault(oidcsim.NoSubject)
	if p, err := e.signIn(); !errors.Is(err, oidc.ErrRejected) {
		t.Errorf("%+v, %v", p, err)
	}
}

// What the issuer has signed counts more than what userinfo adds.
func TestSignedClaimCounts(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.sim.Fault(oidcsim.OtherNameInInfo)
	p, err := e.signIn()
	if noError(t, err); p != zhangHere {
		t.Errorf("%+v", p)
	}
}
