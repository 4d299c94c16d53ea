package signing_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

const thirdPartyID = "2021000000000009"

// A thirdParty is the gateway of a third-party application with two mini-programs, and the requests
// that it received.
type thirdParty struct {
	*alipaysim.ThirdParty
	url   string
	ring  *keys.AlipayKeyring // the third-party application's own
	north *alipaysim.Sim
	south *alipaysim.Sim

	mu     sync.Mutex
	bodies []string
}

const northID, southID = "2021000000000011", "2021000000000012"

func newThirdParty(t testing.TB) *thirdParty {
	t.Helper()
	p := &thirdParty{ThirdParty: alipaysim.NewThirdParty(thirdPartyID)}
	for appID, into := range map[string]**alipaysim.Sim{northID: &p.north, southID: &p.south} {
		sim, err := p.Add(alipaysim.Config{AppID: appID, AppKey: &ownKey().PublicKey, Key: alipayKey(), ContentKey: contentKey})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range people {
			one.Subscribed = true
			sim.Add(one)
		}
		*into = sim
	}
	server := httptest.NewServer(http.HandlerFunc(p.record))
	t.Cleanup(server.Close)
	p.url = server.URL + "/gateway.do"
	var err error
	if p.ring, err = keys.NewAlipayKeyring(thirdPartyID, ownKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *thirdParty) record(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.bodies = append(p.bodies, r.URL.RawQuery+" "+string(body))
	p.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.ServeHTTP(w, r)
}

// keyring returns the keyring for a mini-program with a token.
func (p *thirdParty) keyring(t testing.TB, appID, token string) *keys.AlipayKeyring {
	t.Helper()
	ring, err := p.ring.ForMiniProgram(appID, keys.AppAuth{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func (p *thirdParty) gateway(t testing.TB, appID, token string) *signing.Gateway {
	t.Helper()
	return newGateway(t, p.keyring(t, appID, token), p.url, signing.Options{Timeout: testenv.Patience})
}

func codeOf(t testing.TB, sim *alipaysim.Sim) string {
	t.Helper()
	code, err := sim.AuthCode("ok")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// The third-party application calls for two mini-programs with one key pair. A citizen has another
// identity in each; every request carries app_id of the third-party application and the token once.
func TestThirdPartyCalls(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	tokens := map[string]string{northID: p.Grant(p.north), southID: p.Grant(p.south)}
	seen := make(map[string]bool)
	for appID, sim := range map[string]*alipaysim.Sim{northID: p.north, southID: p.south} {
		g := p.gateway(t, appID, tokens[appID])
		grant, err := g.Exchange(t.Context(), codeOf(t, sim))
		if err != nil || grant.Identity.AppID != appID || seen[grant.Identity.Value] {
			t.Fatalf("%s: %+v, %v", appID, grant.Identity, err)
		}
		seen[grant.Identity.Value] = true
		person := signing.Person{Name: people[0].Name, IDType: "01", IDNumber: people[0].IDNumber}
		if matches, err := g.MatchPerson(t.Context(), grant.AccessToken, person); err != nil || !matches {
			t.Errorf("%s: match %v, %v", appID, matches, err)
		}
		face, err := g.StartCertification(t.Context(), signing.CertifyOrder{OrderNo: strings.Repeat("a", 32), Person: person})
		if err != nil || strings.Contains(face.URL, tokens[appID]) || !strings.Contains(face.URL, "app_id="+thirdPartyID) {
			t.Errorf("%s: page of the face verification: %v", appID, err)
		}
		message := signing.TemplateMessage{To: grant.Identity, TemplateID: "notice", Page: "pages/index", Keywords: []string{"a"}}
		if err := g.SendTemplateMessage(t.Context(), message); err != nil {
			t.Errorf("%s: message: %v", appID, err)
		}
	}
	for _, body := range p.bodies {
		query, form, _ := strings.Cut(body, " ")
		values, _ := url.ParseQuery(form)
		if query != "" || values.Get("app_id") != thirdPartyID || len(values["app_auth_token"]) != 1 {
			t.Errorf("request with query %q, app_id %s and %d tokens", query, values.Get("app_id"), len(values["app_auth_token"]))
		}
	}
}

// Tokens that do not apply are the operator's to mend and do not appear in the error.
func TestThirdPartyToken(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	north, south := p.Grant(p.north), p.Grant(p.south)
	unknown := "202601BB00000000000000000000000000000000"
	refused := func(name, token, subCode string) {
		t.Helper()
		_, err := p.gateway(t, northID, token).Exchange(t.Context(), codeOf(t, p.north))
		if !errors.Is(err, signing.ErrConfiguration) || !strings.Contains(err.Error(), subCode) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the error contains the token", name)
		}
	}
	refused("unknown", unknown, "aop.invalid-app-auth-token")
	refused("of another mini-program", south, "isv.invalid-app-id")
	replaced := p.Grant(p.north)
	refused("replaced", north, "aop.invalid-app-auth-token")
	p.Expire(p.north)
	refused("expired", replaced, "aop.app-auth-token-time-out")
	p.Withdraw(p.north)
	refused("withdrawn", replaced, "aop.invalid-app-auth-token")
	// The third-party application may not call for itself.
	own := newGateway(t, p.ring, p.url, signing.Options{Timeout: testenv.Patience})
	if _, err := own.Exchange(t.Context(), codeOf(t, p.north)); !errors.Is(err, signing.ErrAppAuth) || !strings.Contains(err.Error(), "isv.self-invoke-forbidden") {
		t.Errorf("without a token: %v", err)
	}
}

// An application that calls for itself must not send a token.
func TestOwnApplicationHasNoToken(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	if _, err := s.gate.Exchange(t.Context(), s.code(t, "ok")); err != nil {
		t.Error(err)
	}
	if s.gate.Keyring().IsThirdParty() || s.gate.Keyring().SigningAppID() != appID {
		t.Error("third party")
	}
}

// A server keeps its mini-program and its third-party application when the keys are replaced.
func TestThirdPartyReplace(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	token := p.Grant(p.north)
	g := p.gateway(t, northID, token)
	renewed := p.Grant(p.north)
	if err := g.Replace(p.keyring(t, northID, renewed)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Exchange(t.Context(), codeOf(t, p.north)); err != nil {
		t.Error(err)
	}
	self, err := keys.NewAlipayKeyring(northID, ownKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	for name, ring := range map[string]*keys.AlipayKeyring{"another mini-program": p.keyring(t, southID, renewed), "no third party": self} {
		if err := g.Replace(ring); !errors.Is(err, signing.ErrConfiguration) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A code and a refresh token are exchanged for a token that names the mini-program; each is used up.
func TestAppAuth(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	own := newGateway(t, p.ring, p.url, signing.Options{Timeout: testenv.Patience})
	code := p.AppAuthCode(p.south)
	all, err := own.AppAuthByCode(t.Context(), code, noon)
	if err != nil || len(all) != 1 || all[0].MiniProgram != southID || all[0].ThirdParty != thirdPartyID || !all[0].NotAfter.Equal(noon.AddDate(1, 0, 0)) {
		t.Fatalf("%v to %v, %v", all, all[0].NotAfter, err)
	}
	if _, err := own.AppAuthByCode(t.Context(), code, noon); !errors.Is(err, signing.ErrCodeInvalid) {
		t.Errorf("used again: %v", err)
	}
	renewed, err := own.AppAuthByRefresh(t.Context(), all[0].Refresh, noon)
	if err != nil || renewed[0].Token == all[0].Token {
		t.Fatalf("%v, %v", renewed, err)
	}
	if _, err := own.AppAuthByRefresh(t.Context(), all[0].Refresh, noon); err == nil {
		t.Error("refreshed twice")
	}
	if _, err := p.gateway(t, southID, renewed[0].Token).Exchange(t.Context(), codeOf(t, p.south)); err != nil {
		t.Error(err)
	}
}

// Every kind of message reaches the mini-program that it concerns, and no other; MessageAppID tells
// which before anything is verified.
func TestThirdPartyMessages(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	north, south := p.keyring(t, northID, p.Grant(p.north)), p.keyring(t, southID, p.Grant(p.south))
	verify := func(ring *keys.AlipayKeyring, kind string, body []byte) error {
		if strings.HasPrefix(kind, "spi.") {
			_, err := signing.VerifySPI(ring, spiPost(body), time.Now())
			return err
		}
		n, err := signing.VerifyNotification(ring, body, formType)
		if err == nil && n.AppID != ring.AppID() {
			t.Errorf("%s: verified for %s", kind, n.AppID)
		}
		return err
	}
	for kind := range alipaysim.Kinds() {
		body := write(t, p.north, alipaysim.Notice{Person: "ok", Kind: kind}).Body
		shared := kind == signing.MethodGatewayCheck || kind == "alipay.mobile.public.message.notify" || kind == "servicemarket_order_notify"
		want := northID
		if shared {
			want = thirdPartyID
		}
		if id, err := signing.MessageAppID(body); err != nil || id != want {
			t.Errorf("%s concerns %s, %v", kind, id, err)
		}
		if err := verify(north, kind, body); err != nil {
			t.Errorf("%s refused: %v", kind, err)
		}
		if err := verify(south, kind, body); shared != (err == nil) || !shared && !errors.Is(err, signing.ErrWrongApp) {
			t.Errorf("%s of the other mini-program: %v", kind, err)
		}
	}
}

// A withdrawn authorisation names the mini-program in biz_content; where biz_content has the id of
// the third-party application, auth_app_id must name it.
func TestThirdPartyCancellation(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	ring := p.keyring(t, northID, p.Grant(p.north))
	content := func(id string) string {
		return `{"cancel_time":1767294240000,"open_id":"074aCitizen","app_id":"` + id + `"}`
	}
	for name, c := range map[string]struct {
		changes map[string]string
		ok      bool
	}{
		"content":             {map[string]string{"biz_content": content(northID)}, true},
		"auth_app_id":         {map[string]string{"biz_content": content(thirdPartyID), "auth_app_id": northID}, true},
		"neither":             {map[string]string{"biz_content": content(thirdPartyID)}, false},
		"other in content":    {map[string]string{"biz_content": content(southID)}, false},
		"other in both":       {map[string]string{"biz_content": content(southID), "auth_app_id": northID}, false},
		"other auth_app_id":   {map[string]string{"biz_content": content(northID), "auth_app_id": southID}, false},
		"another third party": {map[string]string{"biz_content": content(northID), "app_id": "2021000000000008"}, false},
	} {
		if c.changes["app_id"] == "" {
			c.changes["app_id"] = thirdPartyID
		}
		n, err := signing.VerifyNotification(ring, signed(t, message(c.changes), signing.NotifyV1), formType)
		if err == nil {
			_, err = n.Cancellation()
		}
		if ok := err == nil; ok != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The message after an authorisation contains the tokens; what is read from it does not.
func TestGrantedMessageLosesTokens(t *testing.T) {
	t.Parallel()
	p := newThirdParty(t)
	body := write(t, p.north, alipaysim.Notice{Kind: signing.MethodAppAuthGranted}).Body
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	n := accept(t, p.keyring(t, northID, p.Grant(p.north)), body)
	if n.Method != signing.MethodAppAuthGranted || n.Rule != signing.NotifyV1 {
		t.Errorf("read as %s", n.Method)
	}
	if !strings.Contains(sent.Get("biz_content"), "app_auth_token") || strings.Contains(string(n.BizContent), "BB") || strings.Contains(string(n.BizContent), "code") {
		t.Errorf("content %s", n.BizContent)
	}
	if !strings.Contains(string(n.BizContent), northID) {
		t.Errorf("content %s does not name the mini-program", n.BizContent)
	}
}
