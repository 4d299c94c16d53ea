package website_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fundpass/miniapp-api/website"
	"fundpass/miniapp-api/website/oidc"
	"fundpass/miniapp-api/website/oidc/oidcsim"
	"fundpass/store"
)

// An issuerEnv is a site with an issuer at which everybody in people has an account.
type issuerEnv struct {
	*env
	sim *oidcsim.Sim
}

func newIssuerEnv(t *testing.T, people ...oidcsim.Person) *issuerEnv {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	e := &issuerEnv{}
	e.env = newEnvWith(t, func(c *website.Config) {
		var err error
		e.sim, err = oidcsim.New(oidcsim.Config{Issuer: server.URL, ClientID: "hall", ClientSecret: "secret of the hall",
			RedirectURL: c.Origin + "/sign-in/issuer/back", People: people})
		must(t, err)
		handler = e.sim.Handler()
		s := oidc.Settings{Name: "模拟省平台", Issuer: server.URL, ClientID: "hall", SecretFile: "-", ClientAuth: "basic",
			Claims:  oidc.Claims{Name: "name", IDType: "id_type", IDNumber: "id_number"},
			IDTypes: map[string]string{"10": "01"}, Require: map[string][]string{"level": {"L3"}}}.WithSecret("secret of the hall")
		c.Issuer = &s
	})
	return e
}

// through signs a person in at the issuer and returns the reply to the redirect back.
func (e *issuerEnv) through(b *browser, login string) view {
	e.t.Helper()
	start := b.get("/sign-in/issuer")
	if start.Status != http.StatusSeeOther || start.To == "" {
		e.t.Fatalf("%d to %q", start.Status, start.To)
	}
	if strings.HasPrefix(start.To, "/") {
		return start
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(start.To, url.Values{"login": {login}})
	must(e.t, err)
	resp.Body.Close()
	back, err := resp.Location()
	must(e.t, err)
	return b.get(back.RequestURI())
}

// The people who have an account at the issuer.
var (
	proven     = oidcsim.Person{Login: "me", Name: "欧阳测试", IDType: "10", IDNumber: withDigit("99010119560308001"), Level: "L3"}
	otherName  = oidcsim.Person{Login: "name", Name: "别的人", IDType: "10", IDNumber: withDigit("99010119560308001"), Level: "L3"}
	stranger   = oidcsim.Person{Login: "stranger", Name: "欧阳测试", IDType: "10", IDNumber: withDigit("99010119560308003"), Level: "L3"}
	masked     = oidcsim.Person{Login: "masked", Name: "欧阳测试", IDType: "10", IDNumber: "9901**********0019", Level: "L3"}
	unverified = oidcsim.Person{Login: "unverified", Name: "欧阳测试", IDType: "10", IDNumber: withDigit("99010119560308001"), Level: "L1"}
)

func withDigit(body string) string { return body + checkDigit(body) }

// provenCitizen is the depositor whom the issuer proves.
func (e *issuerEnv) provenCitizen() citizen {
	return e.citizen(func(d *store.Depositor) { d.Person.Name, d.Person.IDNumber = proven.Name, proven.IDNumber })
}

// A person whom the issuer proves is signed in without the password. The page leads on by itself,
// because the session's cookie is not sent after a redirect that began at the issuer.
func TestIssuerSignIn(t *testing.T) {
	t.Parallel()
	e := newIssuerEnv(t, proven)
	e.provenCitizen()
	b := e.browser()
	b.get("/sign-in").want(t, 200, "使用模拟省平台登录")
	done := e.through(b, "me").want(t, 200, "您已登录")
	if got := done.Header.Get("Refresh"); got != "0; url=/" {
		t.Errorf("Refresh %q", got)
	}
	b.get("/").want(t, 200, "我的密码")
	for _, secret := range []string{"code=", "state=", proven.Name, proven.IDNumber} {
		if strings.Contains(e.logs.String(), secret) {
			t.Errorf("the log contains %s", secret)
		}
	}
	if n := e.count(`SELECT count(*) FROM events WHERE kind = 'signed_in'`); n != 1 {
		t.Errorf("%d events", n)
	}
}

// Whoever the issuer does not prove, or the centre does not know, is not signed in, and can use
// the other ways.
func TestIssuerRefused(t *testing.T) {
	t.Parallel()
	e := newIssuerEnv(t, proven, otherName, stranger, masked, unverified)
	e.provenCitizen()
	for _, c := range []struct {
		login string
		fault oidcsim.Fault
		why   string // "" for a page with the text
		text  string
	}{
		{"", "", "issuer-denied", "没有完成"},
		{"unverified", "", "issuer-unverified", "实名认证"},
		{"me", oidcsim.WrongNonce, "issuer-rejected", "没有通过核对"},
		{"me", oidcsim.WrongState, "issuer-expired", "已经过期"},
		{"me", "token:error", "issuer-down", "暂时无法使用"},
		{"stranger", "", "", "没有找到您的公积金账户"},
		{"name", "", "", "没有找到您的公积金账户"},
		{"masked", "", "", "没有找到您的公积金账户"},
	} {
		b := e.browser()
		e.sim.Fault(c.fault)
		v := e.through(b, c.login)
		if c.why == "" {
			v.want(t, 403, c.text)
		} else {
			v.leads(t, "/sign-in?why="+c.why)
			b.get(v.To).want(t, 200, c.text, "证件号码", "使用模拟省平台登录")
		}
		b.get("/").leads(t, "/sign-in")
	}
	if n := e.count(`SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// Without an issuer there is neither a button nor a path.
func TestNoIssuer(t *testing.T) {
	t.Parallel()
	b := newEnv(t).browser()
	if page := b.get("/sign-in").want(t, 200); strings.Contains(page.Body, "/sign-in/issuer") {
		t.Error("a button to no issuer")
	}
	b.get("/sign-in/issuer").want(t, 404)
	b.get("/sign-in/issuer/back?state=a&code=b").want(t, 404)
}

// While the issuer is down, the button leads back to the page with the other ways.
func TestIssuerDown(t *testing.T) {
	t.Parallel()
	e := newIssuerEnv(t, proven)
	e.sim.Fault("discovery:error")
	b := e.browser()
	e.through(b, "me").leads(t, "/sign-in?why=issuer-down")
	c := e.citizen()
	b.signIn(c)
}
