package signing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/smartwalle/alipay/v3"

	"fundpass/keys"
)

// Methods of the messages about the authorisation of a third-party application.
const (
	// MethodAppAuthGranted: a mini-program has authorised the third-party application, or has
	// authorised it again, after which the former app_auth_token may be void.
	MethodAppAuthGranted = "open_app_auth_notify"
	// MethodAppAuthCancelled: a mini-program has withdrawn the authorisation.
	MethodAppAuthCancelled = "alipay.open.auth.appauth.cancelled"
)

const methodAppAuth = "alipay.open.auth.token.app"

// AppAuthByCode exchanges an app_auth_code, which Alipay appends to the URL to which it sends the
// owner of the mini-programs after the authorisation, for the tokens (alipay.open.auth.token.app).
// A code is valid once and for a day. The keyring of g must be that of the third-party application
// itself. now is the time from which the validity counts.
// Errors: ErrCodeInvalid, ErrUnavailable, ErrForged, ErrConfiguration.
func (g *Gateway) AppAuthByCode(ctx context.Context, code string, now time.Time) ([]keys.AppAuth, error) {
	if !opaque.MatchString(code) {
		return nil, fmt.Errorf("%w: malformed", ErrCodeInvalid)
	}
	return g.appAuth(ctx, now, "authorization_code", "code", code)
}

// AppAuthByRefresh is AppAuthByCode with the refresh token of an earlier result.
func (g *Gateway) AppAuthByRefresh(ctx context.Context, refreshToken string, now time.Time) ([]keys.AppAuth, error) {
	if !opaque.MatchString(refreshToken) {
		return nil, fmt.Errorf("%w: malformed", ErrCodeInvalid)
	}
	return g.appAuth(ctx, now, "refresh_token", "refresh_token", refreshToken)
}

// An appAuthElement is an element of tokens. Older responses have one without the list.
type appAuthElement struct {
	MiniProgram string  `json:"auth_app_id"`
	Token       string  `json:"app_auth_token"`
	Refresh     string  `json:"app_refresh_token"`
	ExpiresIn   seconds `json:"expires_in"`
}

func (g *Gateway) appAuth(ctx context.Context, now time.Time, grant, name, value string) ([]keys.AppAuth, error) {
	var out struct {
		appAuthElement
		Tokens []appAuthElement `json:"tokens"`
	}
	c := g.current.Load()
	ask := alipay.NewPayload(methodAppAuth).AddBizField("grant_type", grant).AddBizField(name, value)
	if err := c.call(ctx, ask, &out); err != nil {
		return nil, err
	}
	if len(out.Tokens) == 0 {
		out.Tokens = []appAuthElement{out.appAuthElement}
	}
	var all []keys.AppAuth
	for _, e := range out.Tokens {
		if !opaque.MatchString(e.Token) || !isIdentifier(e.MiniProgram) {
			return nil, fmt.Errorf("%s: %w: token or auth_app_id is missing", methodAppAuth, ErrUnavailable)
		}
		a := keys.AppAuth{ThirdParty: c.keyring.AppID(), MiniProgram: e.MiniProgram, Token: e.Token, Refresh: e.Refresh}
		if e.ExpiresIn > 0 {
			a.NotAfter = now.Add(time.Duration(e.ExpiresIn)).UTC().Truncate(time.Second)
		}
		all = append(all, a)
	}
	return all, nil
}

// withoutTokens returns the biz_content of a MethodAppAuthGranted message without its tokens and its
// code, which are secrets that must not reach the database:
//
//	{"notify_context":{..},"detail":{"app_id":"..","auth_app_id":"..","auth_time":1594040216726,
//	"app_auth_token":"..","app_refresh_token":"..","app_auth_code":"..",..},"error":{}}
//
// Of detail only the named public members remain, because Alipay may add others.
func withoutTokens(content json.RawMessage) (json.RawMessage, error) {
	nodes, err := splitObject(content)
	if err != nil {
		return nil, fmt.Errorf("%w: biz_content is not a JSON object or has a duplicate member", ErrMalformed)
	}
	detail, err := members(nodes["detail"], "app_id", "auth_app_id", "auth_time", "expires_in")
	if err != nil {
		return nil, err
	}
	public, err := json.Marshal(map[string]any{"detail": detail})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return public, nil
}
