package httpapi_test

import (
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store/storetest"
)

const thirdPartyID = "2021000000000009"

// A thirdParty is an integrator's third-party application with one keyring, and two centres whose
// mini-programs have authorised it. The requests to the gateway and the posted messages are kept.
type thirdParty struct {
	*alipaysim.ThirdParty
	url    string
	ring   *keys.AlipayKeyring
	a, b   *env
	tokens map[*env]string
}

func newThirdParty(t testing.TB) *thirdParty {
	t.Helper()
	p := &thirdParty{ThirdParty: alipaysim.NewThirdParty(thirdPartyID), tokens: make(map[*env]string)}
	gateway := httptest.NewServer(p)
	t.Cleanup(gateway.Close)
	p.url = gateway.URL + "/gateway.do"
	var err error
	p.ring, err = keys.NewAlipayKeyring(thirdPartyID, testKeys(), []keys.AlipayKey{{Public: &alipayKey().PublicKey, Source: "sim"}})
	must(t, err)
	p.a = p.centre(t, testContentKey)
	p.b = p.centre(t, []byte("fedcba9876543210"))
	return p
}

// centre returns a centre whose mini-program has the content key.
func (p *thirdParty) centre(t testing.TB, contentKey []byte) *env {
	t.Helper()
	dsn := storetest.Shared(t)
	h := &env{t: t, dsn: dsn, logs: new(syncBuffer), clock: new(testClock), alipay: testenv.Patience, cipher: storetest.NewColumnCipher(t), pepper: storetest.NewPepper(t)}
	h.center, h.appID = storetest.CenterOf(dsn)
	var err error
	h.sim, err = p.Add(alipaysim.Config{AppID: h.appID, AppKey: &testKeys().PublicKey, Key: alipayKey(), ContentKey: contentKey})
	must(t, err)
	p.tokens[h] = p.Grant(h.sim)
	h.server = h.newServer(func(c *Config) { c.Alipay, c.ContentKey = p.gateway(h), contentKey })
	h.db = h.server.DB
	h.url = h.listen(h.server)
	return h
}

// keyring returns the keyring of the centre with its present token.
func (p *thirdParty) keyring(h *env) *keys.AlipayKeyring {
	h.t.Helper()
	ring, err := p.ring.ForMiniProgram(h.appID, keys.AppAuth{Token: p.tokens[h]})
	must(h.t, err)
	return ring
}

func (p *thirdParty) gateway(h *env) *signing.Gateway {
	h.t.Helper()
	g, err := signing.NewGateway(p.keyring(h), p.url, signing.Options{Timeout: testenv.Patience, DialTimeout: testenv.Patience})
	must(h.t, err)
	return g
}

// Two centres under one third-party application: citizens of both link and change their password
// with one keyring; nothing of one mini-program works in the other.
func TestThirdPartyCentres(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	identities := make(map[string]bool)
	for _, h := range []*env{p.a, p.b} {
		c := h.citizen(func(c *citizen) { c.Person.Person = "same" })
		user := h.linkedClient(c)
		user.post(user.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK")
		user.send("POST", "/v1/phone", h.payload(c, "")).want(t, "OK")
		if n := h.count(`SELECT count(*) FROM links`); n != 1 {
			t.Errorf("%d links in the centre", n)
		}
		grant, err := p.gateway(h).Exchange(t.Context(), authCodeOf(h, "same"))
		must(t, err)
		identities[grant.Identity.Value] = true
	}
	if len(identities) != 2 {
		t.Error("one person has the same identity in two mini-programs")
	}
	c := p.a.citizen()
	stranger := p.b.client()
	stranger.post("/v1/sessions", m{"auth_code": authCodeOf(p.a, c.Person.Person)}).want(t, "ALIPAY_UNAVAILABLE")
	own := p.b.logIn(p.b.citizen())
	if r := own.send("POST", "/v1/phone", p.a.payload(c, "")); r.Code == "OK" {
		t.Error("a phone number of the other mini-program is accepted")
	}
}

func authCodeOf(h *env, person string) string {
	h.t.Helper()
	code, err := h.sim.AuthCode(person)
	must(h.t, err)
	return code
}

// A token that Alipay refuses stops every call until the server gets the new one.
func TestThirdPartyTokens(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	h := p.a
	c := h.citizen()
	session := func(code string) {
		t.Helper()
		h.client().post("/v1/sessions", m{"auth_code": authCodeOf(h, c.Person.Person)}).want(t, code)
	}
	session("OK")
	p.Expire(h.sim)
	session("ALIPAY_UNAVAILABLE")
	p.Withdraw(h.sim)
	session("ALIPAY_UNAVAILABLE")
	p.tokens[h] = p.Grant(h.sim)
	session("ALIPAY_UNAVAILABLE")
	must(t, h.server.Alipay.Replace(p.keyring(h)))
	session("OK")
	p.tokens[h] = p.tokens[p.b]
	must(t, h.server.Alipay.Replace(p.keyring(h)))
	session("ALIPAY_UNAVAILABLE")
	for _, code := range []string{"aop.app-auth-token-time-out", "aop.invalid-app-auth-token", "isv.invalid-app-id"} {
		if !strings.Contains(h.logs.String(), code) {
			t.Errorf("the log does not have %s", code)
		}
	}
}

// A message has its effect in the centre of the mini-program that it concerns, and is refused in
// the other.
func TestThirdPartyNotifications(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	var users []*client
	for _, h := range []*env{p.a, p.b} {
		users = append(users, h.linkedClient(h.citizen(func(c *citizen) { c.Person.Person = "same" })))
	}
	cancelled := p.a.write(alipaysim.Notice{Person: "same", Kind: signing.MethodCancelled})
	if id, err := signing.MessageAppID(cancelled.Body); err != nil || id != p.a.appID {
		t.Errorf("routed to %s, %v", id, err)
	}
	if _, body := p.b.deliver(p.b.url, cancelled); body != "fail" {
		t.Errorf("the other centre answers %q", body)
	}
	users[0].get("/v1/link").want(t, "OK")
	if _, body := p.a.deliver(p.a.url, cancelled); body != "success" {
		t.Errorf("answered %q", body)
	}
	users[0].get("/v1/password").want(t, "SESSION_EXPIRED")
	users[1].get("/v1/link").want(t, "OK")
	check := p.a.write(alipaysim.Notice{Kind: signing.MethodGatewayCheck}) // concerns both
	for _, h := range []*env{p.a, p.b} {
		if _, body := h.deliver(h.url, check); !strings.Contains(body, "<success>true</success>") {
			t.Errorf("gateway check: %s", body)
		}
	}
}

// The server counts and reports messages about the authorisation once. No token, of a file or of a
// message, is in a log line, a metric or a reply; package signing has removed those of a message
// before it is stored.
func TestThirdPartyTokensDoNotLeak(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	h := p.a
	c := h.citizen()
	user := h.linkedClient(c)
	replies := user.post(user.openChange(c)+"/confirm", twice("Copper-Kettle-77")).want(t, "OK").Raw
	reset, _ := user.openReset()
	replies += user.get(reset).Raw
	granted := h.write(alipaysim.Notice{Kind: signing.MethodAppAuthGranted})
	withdrawn := h.write(alipaysim.Notice{Kind: signing.MethodAppAuthCancelled})
	for _, message := range []alipaysim.Notification{granted, granted, withdrawn} {
		if _, body := h.deliver(h.url, message); body != "success" {
			t.Errorf("answered %q", body)
		}
	}
	p.Withdraw(h.sim)
	replies += h.client().post("/v1/sessions", m{"auth_code": authCodeOf(h, c.Person.Person)}).want(t, "ALIPAY_UNAVAILABLE").Raw
	metrics := h.metricsText()
	for _, line := range []string{`fundpass_app_auth_messages_total{kind="granted"} 1`, `fundpass_app_auth_messages_total{kind="cancelled"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no metric %s", line)
		}
	}
	logs := h.logs.String()
	if strings.Count(logs, "has authorised the third-party application anew") != 1 || strings.Count(logs, "has withdrawn the authorisation of the third-party application") != 1 {
		t.Error("the operator is not told once")
	}
	form, err := url.ParseQuery(string(granted.Body))
	must(t, err)
	secrets := append(tokensIn(form.Get("biz_content")), p.tokens[h])
	if len(secrets) != 4 {
		t.Fatalf("%d secrets", len(secrets))
	}
	for place, text := range map[string]string{"log": logs, "metrics": metrics, "replies": replies} {
		for _, secret := range secrets {
			if holds(text, secret) {
				t.Errorf("a token is in the %s", place)
			}
		}
	}
}

// tokensIn returns the tokens and the code of a granted message.
func tokensIn(content string) (all []string) {
	for _, name := range []string{"app_auth_token", "app_refresh_token", "app_auth_code"} {
		_, rest, _ := strings.Cut(content, `"`+name+`":"`)
		value, _, _ := strings.Cut(rest, `"`)
		all = append(all, value)
	}
	return all
}

// metricsText returns the metrics as Prometheus reads them.
func (h *env) metricsText() string {
	h.t.Helper()
	ops := httptest.NewServer(h.server.OpsHandler())
	defer ops.Close()
	rsp, err := ops.Client().Get(ops.URL + "/metrics")
	must(h.t, err)
	defer rsp.Body.Close()
	text, err := io.ReadAll(rsp.Body)
	must(h.t, err)
	return string(text)
}
