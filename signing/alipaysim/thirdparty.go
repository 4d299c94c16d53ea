package alipaysim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"fundpass/keys/calendar"
)

// Methods that the rules of third-party applications name.
const (
	methodOAuthToken   = "alipay.system.oauth.token"
	methodCertDownload = "alipay.open.app.alipaycert.download"
	methodAppAuth      = "alipay.open.auth.token.app"
)

// kindGranted is the kind of notice after an authorisation.
const kindGranted = "open_app_auth_notify"

// A ThirdParty is Alipay's gateway for a third-party application (第三方应用) that serves several
// mini-programs: an http.Handler of /gateway.do. app_auth_token tells for which one a request is
// made. Every mini-program is a Sim with people, codes and notices of its own. It is safe for
// concurrent use after the last call of Add.
//
// Sources: Alipay open platform, "preparing calls for a merchant", "plugin authorisation" and the
// common error codes. In which order Alipay checks is not published: here app_id, envelope,
// signature, method, app_auth_token.
type ThirdParty struct {
	appID        string
	miniPrograms []*Sim

	mu        sync.Mutex
	grants    map[string]grant // by app_auth_token
	codes     map[string]grant // by app_auth_code
	refreshes map[string]*Sim  // by app_refresh_token
}

// A grant is the authorisation of a mini-program.
type grant struct {
	by      *Sim
	expires time.Time
}

const (
	appAuthLife     = 365 * 24 * time.Hour
	appAuthCodeLife = 24 * time.Hour
)

// NewThirdParty returns the gateway for the third-party application appID.
func NewThirdParty(appID string) *ThirdParty {
	return &ThirdParty{appID: appID, grants: make(map[string]grant), codes: make(map[string]grant), refreshes: make(map[string]*Sim)}
}

// Add adds the mini-program cfg.AppID, which has not authorised anything yet. AppKey and Key must be
// the same for all: they are those of the third-party application.
func (t *ThirdParty) Add(cfg Config) (*Sim, error) {
	if len(t.miniPrograms) > 0 {
		first := t.miniPrograms[0]
		if !cfg.AppKey.Equal(first.cfg.AppKey) || cfg.Key == nil || !cfg.Key.Equal(first.cfg.Key) {
			return nil, errors.New("alipaysim: mini-programs of a third-party application share its keys")
		}
	}
	s, err := New(cfg)
	if err != nil {
		return nil, err
	}
	s.thirdParty = t
	t.miniPrograms = append(t.miniPrograms, s)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (t *ThirdParty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if r.ParseForm() != nil || r.URL.Path != "/gateway.do" || len(t.miniPrograms) == 0 {
		http.NotFound(w, r)
		return
	}
	t.mu.Lock()
	s := t.grants[r.Form.Get("app_auth_token")].by
	t.mu.Unlock()
	if s == nil {
		s = t.miniPrograms[0] // its checks refuse the request, or the method needs no mini-program
	}
	s.ServeHTTP(w, r)
}

// AppAuthCode returns what Alipay appends to the URL of the third-party application when the owner
// of s has authorised it. It is valid once and for a day.
func (t *ThirdParty) AppAuthCode(s *Sim) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	code := randomHex()
	t.codes[code] = grant{s, s.cfg.Now().Add(appAuthCodeLife)}
	return code
}

// Grant authorises the third-party application and returns the app_auth_token, which replaces the
// former one.
func (t *ThirdParty) Grant(s *Sim) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, _ := t.issue(s)
	return token
}

// Withdraw makes the tokens of s void.
func (t *ThirdParty) Withdraw(s *Sim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.revoke(s)
}

// Expire makes the app_auth_token of s expire now.
func (t *ThirdParty) Expire(s *Sim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, g := range t.grants {
		if g.by == s {
			t.grants[token] = grant{s, s.cfg.Now().Add(-time.Second)}
		}
	}
}

// issue replaces the tokens of s. The caller holds mu.
func (t *ThirdParty) issue(s *Sim) (token, refresh string) {
	t.revoke(s)
	token, refresh = "202601BB"+randomHex(), "202601BB"+randomHex()
	t.grants[token], t.refreshes[refresh] = grant{s, s.cfg.Now().Add(appAuthLife)}, s
	return token, refresh
}

// revoke forgets the tokens of s. The caller holds mu.
func (t *ThirdParty) revoke(s *Sim) {
	for token, g := range t.grants {
		if g.by == s {
			delete(t.grants, token)
		}
	}
	for token, by := range t.refreshes {
		if by == s {
			delete(t.refreshes, token)
		}
	}
}

// callerID returns the app_id of requests and of the receiver of notices.
func (s *Sim) callerID() string {
	if s.thirdParty != nil {
		return s.thirdParty.appID
	}
	return s.cfg.AppID
}

// checkAppAuth checks app_auth_token of a request for method.
func (s *Sim) checkAppAuth(method string, form url.Values) *failure {
	token := form.Get("app_auth_token")
	wrong := &failure{"20001", "Insufficient Token Permissions", "aop.invalid-app-auth-token", "无效的应用授权令牌"}
	switch {
	case s.thirdParty == nil && token != "":
		return wrong
	case s.thirdParty == nil, token == "" && (method == methodAppAuth || method == methodCertDownload):
		return nil
	case token == "":
		return &failure{"40006", "Insufficient Permissions", "isv.self-invoke-forbidden", "此用户不允许自调用"}
	}
	t := s.thirdParty
	t.mu.Lock()
	g, found := t.grants[token]
	t.mu.Unlock()
	switch {
	case !found || g.by != s:
		return wrong
	case s.cfg.Now().After(g.expires):
		return &failure{"20001", "Insufficient Token Permissions", "aop.app-auth-token-time-out", "应用授权令牌已过期"}
	case method == methodOAuthToken && t.ofAnother(s, form.Get("code")):
		return invalidAppID // the documented error if code and token are of different mini-programs
	}
	return nil
}

// ofAnother reports whether the auth code was issued for another mini-program than s.
func (t *ThirdParty) ofAnother(s *Sim, code string) bool {
	for _, other := range t.miniPrograms {
		if other == s {
			continue
		}
		other.mu.Lock()
		_, found := other.codes[code]
		other.mu.Unlock()
		if found {
			return true
		}
	}
	return false
}

// appAuthToken implements alipay.open.auth.token.app. Alipay's sub_codes for a wrong code or refresh
// token are not published; these are those of alipay.system.oauth.token.
func (s *Sim) appAuthToken(form url.Values) (any, *failure) {
	var in struct {
		GrantType string `json:"grant_type"`
		Code      string `json:"code"`
		Refresh   string `json:"refresh_token"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	t := s.thirdParty
	if t == nil {
		return nil, &failure{"40006", "Insufficient Permissions", "isv.insufficient-isv-permissions", "ISV权限不足，建议在开发者中心检查对应功能是否已经添加"}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var by *Sim
	switch in.GrantType {
	case "authorization_code":
		g := t.codes[in.Code]
		delete(t.codes, in.Code)
		if g.by == nil || g.by.cfg.Now().After(g.expires) {
			return nil, invalid("code-invalid", "授权码code无效")
		}
		by = g.by
	case "refresh_token":
		if by = t.refreshes[in.Refresh]; by == nil {
			return nil, invalid("refresh-token-invalid", "刷新令牌refresh_token无效")
		}
	default:
		return nil, invalid("grant-type-invalid", "grant_type参数不正确")
	}
	return t.tokens(by), nil
}

// An appAuth is the content of the tokens that a mini-program grants.
type appAuth struct {
	Token     string `json:"app_auth_token"`
	Refresh   string `json:"app_refresh_token"`
	AppID     string `json:"auth_app_id"`
	ExpiresIn string `json:"expires_in"`
	ReExpires string `json:"re_expires_in"`
	UserID    string `json:"user_id"`
}

// tokens issues tokens and returns the response, which has them twice like Alipay's. The caller
// holds mu.
func (t *ThirdParty) tokens(by *Sim) any {
	token, refresh := t.issue(by)
	life := strconv.Itoa(int(appAuthLife.Seconds()))
	one := appAuth{token, refresh, by.cfg.AppID, life, life, "2088000000000009"}
	return struct {
		success
		appAuth
		Tokens []appAuth `json:"tokens"`
	}{succeeded, one, []appAuth{one}}
}

// granted builds the message after an authorisation, which contains the tokens. It has no method
// and sign_type is not signed.
func (d draft) granted() url.Values {
	content := fmt.Sprintf(`{"notify_context":{"trigger":"appstore"},"detail":{"app_auth_token":"202601BB%s","user_id":"2088000000000009",`+
		`"re_expires_in":32140800,"auth_time":%s,"app_refresh_token":"202601BB%s","auth_app_id":"%s","app_id":"%s","expires_in":31536000,`+
		`"app_auth_code":"%s"},"error":{}}`, randomHex(), d.millis(), randomHex(), d.app, d.receiver, randomHex())
	return url.Values{
		"version":     {"1.0"},
		"notify_type": {d.kind},
		"status":      {"execute_auth"},
		"notify_id":   {d.notifyID()},
		"notify_time": {d.now.In(calendar.Beijing).Format(time.DateTime)},
		"app_id":      {d.receiver},
		"auth_app_id": {d.app},
		"biz_content": {content},
	}
}
