package signing_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/keys"
	"fundpass/keys/calendar"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	cases := map[string]signing.Identity{
		"ok":   {AppID: appID, Kind: "open_id"},
		"old":  {AppID: appID, Kind: "user_id", Value: "2088000000000001"},
		"both": {AppID: appID, Kind: "open_id", Value: "074aBoth_-1", UserID: "2088000000000002"},
	}
	for _, p := range s.sim.People() {
		if p.Person == "ok" {
			cases["ok"] = signing.Identity{AppID: appID, Kind: "open_id", Value: p.OpenID}
		}
	}
	for person, want := range cases {
		for range 2 { // the identity is the same each time
			grant, err := s.gate.Exchange(t.Context(), s.code(t, person))
			if err != nil {
				t.Fatalf("%s: %v", person, err)
			}
			if diff := cmp.Diff(want, grant.Identity); diff != "" {
				t.Errorf("%s: %s", person, diff)
			}
			if grant.AccessToken == "" || grant.ExpiresIn != 15*24*time.Hour {
				t.Errorf("%s: token %d characters, %v", person, len(grant.AccessToken), grant.ExpiresIn)
			}
		}
	}
}

func TestExchangeRefused(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	used, late := s.code(t, "ok"), s.code(t, "ok")
	if _, err := s.gate.Exchange(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	s.now.add(3*time.Minute + time.Second)
	for name, code := range map[string]string{"used": used, "expired": late, "unknown": "4b203fe6c11548bcabd8da5bb087a83b"} {
		grant, err := s.gate.Exchange(t.Context(), code)
		if !errors.Is(err, signing.ErrCodeInvalid) || grant != (signing.Grant{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	asked := s.sim.Calls("")
	for name, code := range map[string]string{
		"empty": "", "blank": "a b", "line break": "a\nb", "Chinese": "码", "endless": string(make([]byte, 10_000)),
	} {
		if _, err := s.gate.Exchange(t.Context(), code); !errors.Is(err, signing.ErrCodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.sim.Calls("") != asked {
		t.Error("a malformed code was sent to Alipay")
	}
}

func TestMatchPerson(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	claim := func(i int) signing.Person {
		return signing.Person{Name: people[i].Name, IDType: people[i].IDType, IDNumber: people[i].IDNumber}
	}
	renamed, renumbered, retyped := claim(0), claim(0), claim(0)
	renamed.Name = "张叁"
	renumbered.IDNumber = people[1].IDNumber
	retyped.IDType = "02"
	cases := []struct {
		name, person string
		claim        signing.Person
		want         bool
	}{
		{"right", "ok", claim(0), true},
		{"old application", "old", claim(1), true},
		{"passport", "passport", claim(3), true},
		{"other name", "ok", renamed, false},
		{"other number", "ok", renumbered, false},
		{"other type", "ok", retyped, false},
		{"somebody else", "ok", claim(1), false},
		{"not certified", "uncertified", claim(4), false},
	}
	for _, c := range cases {
		got, err := s.gate.MatchPerson(t.Context(), s.token(t, c.person), c.claim)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestMatchPersonRefused(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	good := signing.Person{Name: people[0].Name, IDType: "01", IDNumber: people[0].IDNumber}
	otherType, nameless := good, good
	otherType.IDType, nameless.Name = "99", ""
	token := s.token(t, "ok")
	cases := []struct {
		name, token string
		claim       signing.Person
		want        error
	}{
		{"no token", "", good, signing.ErrTokenInvalid},
		{"unknown token", "authusrB00000000", good, signing.ErrTokenInvalid},
		{"type Alipay has not", token, otherType, signing.ErrIDType},
		{"no name", token, nameless, signing.ErrConfiguration},
	}
	for _, c := range cases {
		if got, err := s.gate.MatchPerson(t.Context(), c.token, c.claim); got || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestConfigurationFaults(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	elsewhere, err := keys.NewAlipayKeyring("2021000000000002", ownKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	for name, keyring := range map[string]*keys.AlipayKeyring{
		"key the console does not know": newKeyring(t, otherKey(), alipayKey()),
		"application id":                elsewhere,
	} {
		_, err := newGateway(t, keyring, s.url, signing.Options{}).Exchange(t.Context(), s.code(t, "ok"))
		if !errors.Is(err, signing.ErrConfiguration) || errors.Is(err, signing.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	code := s.code(t, "ok")
	s.now.add(16 * time.Minute)
	if _, err := s.gate.Exchange(t.Context(), code); !errors.Is(err, signing.ErrConfiguration) {
		t.Errorf("clock: %v", err)
	}
	if s.sim.Calls("alipay.system.oauth.token") != 3 {
		t.Errorf("%d calls", s.sim.Calls("alipay.system.oauth.token"))
	}
}

func TestGatewayURL(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for url, ok := range map[string]bool{
		"https://openapi.alipay.com/gateway.do":          true,
		"http://127.0.0.1:8080/gateway.do":               true,
		"http://[::1]:8080/gateway.do":                   true,
		"http://localhost/gateway.do":                    true,
		"http://openapi.alipay.com/gateway.do":           false,
		"http://127.0.0.1.example.com/gateway.do":        false,
		"http://localhost.example.com/gateway.do":        false,
		"https://user:secret@openapi.alipay.com/":        false,
		"https://openapi.alipay.com/gateway.do?app_id=1": false,
		"https://openapi.alipay.com/gateway.do#x":        false,
		"ftp://127.0.0.1/":                               false,
		"openapi.alipay.com/gateway.do":                  false,
		"https://":                                       false,
		"":                                               false,
		"http://127.0.0.1:\x00":                          false,
	} {
		_, err := signing.NewGateway(keyring, url, signing.Options{})
		if ok != (err == nil) || ok != (signing.CheckGatewayURL(url) == nil) || err != nil && !errors.Is(err, signing.ErrConfiguration) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := signing.NewGateway(nil, "https://openapi.alipay.com/gateway.do", signing.Options{}); !errors.Is(err, signing.ErrConfiguration) {
		t.Errorf("no keyring: %v", err)
	}
}

// Of a hundred concurrent exchanges of one code exactly one succeeds.
func TestExchangeConcurrent(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	code := s.code(t, "ok")
	errs := make([]error, 100)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.gate.Exchange(context.Background(), code) })
	}
	wg.Wait()
	grants := 0
	for _, err := range errs {
		switch {
		case err == nil:
			grants++
		case !errors.Is(err, signing.ErrCodeInvalid):
			t.Error(err)
		}
	}
	if calls := s.sim.Calls("alipay.system.oauth.token"); grants != 1 || calls != len(errs) {
		t.Errorf("%d grants in %d calls", grants, calls)
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	exchange := func() error {
		_, err := s.gate.Exchange(t.Context(), s.code(t, "ok"))
		return err
	}
	steps := []struct {
		name    string
		keyring *keys.AlipayKeyring
		want    error
	}{
		{"Alipay's key unknown", newKeyring(t, ownKey(), otherKey()), signing.ErrForged},
		{"both keys", newKeyring(t, ownKey(), otherKey(), alipayKey()), nil},
		{"own key unknown", newKeyring(t, otherKey(), alipayKey()), signing.ErrConfiguration},
		{"as before", newKeyring(t, ownKey(), alipayKey()), nil},
	}
	for _, step := range steps {
		if err := s.gate.Replace(step.keyring); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if err := exchange(); !errors.Is(err, step.want) {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	elsewhere, err := keys.NewAlipayKeyring("2021000000000002", ownKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	for name, keyring := range map[string]*keys.AlipayKeyring{"another application": elsewhere, "nil": nil} {
		if err := s.gate.Replace(keyring); !errors.Is(err, signing.ErrConfiguration) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := exchange(); err != nil {
		t.Errorf("after rejected replacements: %v", err)
	}
}

// Replace during calls causes no failure.
func TestReplaceConcurrent(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	keyrings := []*keys.AlipayKeyring{newKeyring(t, ownKey(), alipayKey()), newKeyring(t, ownKey(), otherKey(), alipayKey())}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 12 {
				code, err := s.sim.AuthCode("ok")
				if err == nil {
					_, err = s.gate.Exchange(context.Background(), code)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	var replacing sync.WaitGroup
	replacing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
			if err := s.gate.Replace(keyrings[i%2]); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	close(done)
	replacing.Wait()
}

// TestRequestOnTheWire checks the request without using code of this package.
func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	var got []map[string]string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if coding := r.Header.Get("Accept-Encoding"); coding != "" {
			t.Errorf("a compressed response is accepted: %q", coding)
		}
		form := map[string]string{"(line)": r.Method + " " + r.URL.RequestURI(), "(type)": r.Header.Get("Content-Type")}
		for name, values := range r.PostForm {
			if len(values) != 1 || values[0] == "" {
				t.Errorf("%s: %q", name, values)
			}
			form[name] = r.PostForm.Get(name)
		}
		at, err := time.ParseInLocation(time.DateTime, form["timestamp"], calendar.Beijing)
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("timestamp %q is not now in Beijing", form["timestamp"])
		}
		delete(form, "timestamp")
		delete(form, "sign")
		got = append(got, form)
	}))
	defer server.Close()
	g := newGateway(t, newKeyring(t, ownKey(), alipayKey()), server.URL+"/gateway.do", signing.Options{})
	g.Exchange(t.Context(), "thecode")
	g.MatchPerson(t.Context(), "thetoken", signing.Person{Name: "张三·<&>", IDType: "03", IDNumber: "E99000001"})
	common := map[string]string{
		"(line)": "POST /gateway.do", "(type)": "application/x-www-form-urlencoded;charset=utf-8",
		"app_id": appID, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
	}
	with := func(more map[string]string) map[string]string {
		for name, value := range common {
			more[name] = value
		}
		return more
	}
	want := []map[string]string{
		with(map[string]string{"method": "alipay.system.oauth.token", "grant_type": "authorization_code", "code": "thecode"}),
		with(map[string]string{"method": "alipay.user.certdoc.certverify.preconsult",
			"biz_content": `{"cert_no":"E99000001","cert_type":"PASSPORT","user_name":"张三·\u003c\u0026\u003e"}`}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
