package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	coreos "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/oauth2"
)

// skew is how far the issuer's clock may differ.
const skew = time.Minute

// maxTokenAge is how long ago an id_token may have been issued, since it is fetched at once.
const maxTokenAge = 10 * time.Minute

// algorithms are the accepted signatures of id_tokens. "none", and the HMACs of a shared
// secret, are not among them, whatever the issuer announces.
var algorithms = []string{
	coreos.RS256, coreos.RS384, coreos.RS512, coreos.PS256, coreos.PS384, coreos.PS512,
	coreos.ES256, coreos.ES384, coreos.ES512, coreos.EdDSA,
}

// claims are the verified claims about the person, by name.
type claims map[string]jsontext.Value

// times are the claims of an id_token that the library does not check, or not strictly.
type times struct {
	AuthorizedParty *string  `json:"azp"`
	IssuedAt        *float64 `json:"iat"`
	NotBefore       *float64 `json:"nbf"`
	AuthTime        *float64 `json:"auth_time"`
}

// A keySet tells keys that could not be fetched from a signature that is wrong, which the
// library does not.
type keySet struct {
	*coreos.RemoteKeySet
	down error
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, jwt)
	var t *transportError
	if errors.As(err, &t) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		k.down = err
	}
	return payload, err
}

// verify returns the claims of the id_token, which the issuer signed for this client and this
// sign-in.
func (c *Client) verify(ctx context.Context, p *provider, token *oauth2.Token, nonce string) (claims, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, rejected("no id_token")
	}
	now := c.db.Now()
	keys := &keySet{RemoteKeySet: p.keys}
	verifier := coreos.NewVerifier(c.settings.Issuer, keys, &coreos.Config{
		ClientID: c.settings.ClientID, SupportedSigningAlgs: algorithms,
		Now: func() time.Time { return now.Add(-skew) },
	})
	id, err := verifier.Verify(ctx, raw)
	switch {
	case keys.down != nil:
		return nil, down("keys", keys.down)
	case err != nil:
		return nil, rejected("id_token")
	case id.Subject == "":
		return nil, rejected("sub")
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, rejected("nonce")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return nil, rejected("at_hash")
	}
	var payload jsontext.Value
	var all claims
	var t times
	if id.Claims(&payload) != nil || json.Unmarshal(payload, &all) != nil || json.Unmarshal(payload, &t) != nil {
		return nil, rejected("claims") // a repeated name, for example
	}
	return all, c.checkTimes(t, id.Audience, now)
}

// checkTimes checks the authorized party and the times. The library has checked aud and exp.
func (c *Client) checkTimes(t times, audience []string, now time.Time) error {
	if t.AuthorizedParty == nil && len(audience) > 1 || t.AuthorizedParty != nil && *t.AuthorizedParty != c.settings.ClientID {
		return rejected("azp")
	}
	if !between(t.IssuedAt, now.Add(-maxTokenAge), now) {
		return rejected("iat")
	}
	if t.NotBefore != nil && !between(t.NotBefore, time.Time{}, now) {
		return rejected("nbf")
	}
	if oldest, set := c.settings.maxAge(); set && !between(t.AuthTime, now.Add(-oldest), now) {
		return rejected("auth_time")
	}
	return nil
}

// between reports whether a time of a token is there and between two others, with the skew.
func between(seconds *float64, from, to time.Time) bool {
	if seconds == nil || !(*seconds >= 0 && *seconds < 1<<40) {
		return false
	}
	at := time.Unix(int64(*seconds), 0)
	return !at.Before(from.Add(-skew)) && !at.After(to.Add(skew))
}

// addUserInfo adds the claims of the userinfo endpoint that the id_token does not have. They
// must be about the same subject, because the access token could be of another sign-in.
func (c *Client) addUserInfo(ctx context.Context, p *provider, token *oauth2.Token, all claims) (claims, error) {
	info, err := p.UserInfo(c.context(ctx), oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, down("userinfo", err)
	}
	var payload jsontext.Value
	var more claims
	if info.Claims(&payload) != nil || json.Unmarshal(payload, &more) != nil {
		return nil, rejected("userinfo")
	}
	if text(more["sub"]) == "" || text(more["sub"]) != text(all["sub"]) {
		return nil, rejected("sub of userinfo")
	}
	for name, value := range all {
		more[name] = value // the signed one
	}
	return more, nil
}
