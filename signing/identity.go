package signing

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/smartwalle/alipay/v3"
)

// An Identity is who Alipay says holds the phone. Its key is (AppID, Kind, Value):
// the same citizen has another value with another application, and values of
// different kinds are never compared.
type Identity struct {
	AppID string
	Kind  string // "open_id" or "user_id"
	Value string
	// UserID is the user_id beside an open_id, for applications that are moving from
	// one to the other; empty otherwise.
	UserID string
}

// A Grant is what an auth code was exchanged for.
type Grant struct {
	Identity    Identity
	AccessToken string        // a secret, for MatchPerson
	ExpiresIn   time.Duration // how long AccessToken is good; 0 = Alipay did not say
}

// A Person is who somebody claims to be.
type Person struct {
	Name     string
	IDType   string // ZJLX code of JGJ/T 320: "01" ID card, "02" officer's card, "03" passport
	IDNumber string
}

// certTypes are Alipay's names of document types. Its document for preconsult names
// IDENTITY_CARD only; the others are what its trade interfaces call them, and Alipay
// refuses them (ErrConfiguration) unless it has opened them for the application.
var certTypes = map[string]string{
	"01": "IDENTITY_CARD",
	"02": "OFFICER_CARD",
	"03": "PASSPORT",
}

// opaque is what Alipay's codes and identifiers have in common: their letters are
// not documented, so anything printable is taken.
var opaque = regexp.MustCompile(`^[!-~]{1,256}$`)

// Exchange turns the auth code a mini-program got into who the citizen is
// (alipay.system.oauth.token). A code is good once, for 3 minutes and more, and a
// failed exchange burns it as well: Exchange never tries twice, and after any error
// the front end needs a new code. Fails with ErrCodeInvalid, ErrUnavailable,
// ErrForged or ErrConfiguration.
func (g *Gateway) Exchange(ctx context.Context, authCode string) (Grant, error) {
	if !opaque.MatchString(authCode) {
		return Grant{}, fmt.Errorf("%w: not the shape of one", ErrCodeInvalid)
	}
	var out struct {
		OpenID      string  `json:"open_id"`
		UserID      string  `json:"user_id"`
		AccessToken string  `json:"access_token"`
		ExpiresIn   seconds `json:"expires_in"`
	}
	l := g.line.Load()
	p := alipay.NewPayload("alipay.system.oauth.token").
		AddParam("grant_type", "authorization_code").AddParam("code", authCode)
	if err := l.call(ctx, p, &out); err != nil {
		return Grant{}, err
	}
	id, ok := identify(l.keyring.AppID(), out.OpenID, out.UserID)
	if !ok || out.AccessToken == "" { // there is no code 10000 in this answer to go by
		return Grant{}, fmt.Errorf("%s: %w: no identifier or no token", p.APIName(), ErrUnavailable)
	}
	return Grant{Identity: id, AccessToken: out.AccessToken, ExpiresIn: time.Duration(out.ExpiresIn)}, nil
}

// identify prefers open_id: newer applications get no user_id, and those that still
// get one are to move.
func identify(appID, openID, userID string) (Identity, bool) {
	id := Identity{AppID: appID, Kind: "open_id", Value: openID, UserID: userID}
	if openID == "" {
		id = Identity{AppID: appID, Kind: "user_id", Value: userID}
	}
	ok := opaque.MatchString(id.Value) && (id.UserID == "" || opaque.MatchString(id.UserID))
	return id, ok
}

// MatchPerson asks whether the citizen behind accessToken is certified at Alipay as
// p, comparing name, document type and number there: nothing about the citizen comes
// back but yes or no. It is alipay.user.certdoc.certverify.preconsult, which leaves p
// with Alipay, and .consult, which compares. Asking twice is harmless.
//
// Only (true, nil) is a yes. Fails with ErrTokenInvalid, ErrIDType, ErrUnavailable,
// ErrForged or ErrConfiguration.
func (g *Gateway) MatchPerson(ctx context.Context, accessToken string, p Person) (bool, error) {
	certType, known := certTypes[p.IDType]
	switch {
	case !known:
		return false, ErrIDType
	case accessToken == "":
		return false, ErrTokenInvalid
	}
	limited, cancel := context.WithTimeoutCause(ctx, g.timeout, errLate)
	defer cancel()
	l := g.line.Load()
	verifyID, err := l.preconsult(limited, certType, p)
	if err != nil {
		return false, err
	}
	return l.consult(limited, accessToken, verifyID)
}

// preconsult returns the verify_id under which Alipay keeps p for two hours.
func (l *line) preconsult(ctx context.Context, certType string, p Person) (string, error) {
	var out struct {
		VerifyID string `json:"verify_id"`
	}
	ask := alipay.NewPayload("alipay.user.certdoc.certverify.preconsult").
		AddBizField("user_name", p.Name).AddBizField("cert_type", certType).AddBizField("cert_no", p.IDNumber)
	if err := l.call(ctx, ask, &out); err != nil {
		return "", err
	}
	if out.VerifyID == "" {
		return "", fmt.Errorf("%s: %w: no verify_id", ask.APIName(), ErrUnavailable)
	}
	return out.VerifyID, nil
}

func (l *line) consult(ctx context.Context, accessToken, verifyID string) (bool, error) {
	var out struct {
		Passed string `json:"passed"`
	}
	ask := alipay.NewPayload("alipay.user.certdoc.certverify.consult").
		AddParam("auth_token", accessToken).AddBizField("verify_id", verifyID)
	if err := l.call(ctx, ask, &out); err != nil {
		return false, err
	}
	if out.Passed != "T" && out.Passed != "F" {
		return false, fmt.Errorf("%s: %w: neither T nor F", ask.APIName(), ErrUnavailable)
	}
	return out.Passed == "T", nil
}

// seconds is a duration that Alipay writes as a number or as a string of digits.
type seconds time.Duration

// UnmarshalJSON implements json.Unmarshaler. More than ten years are ten years.
func (s *seconds) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 63)
	if err != nil {
		return fmt.Errorf("%w: expires_in is not a number of seconds", ErrUnavailable)
	}
	*s = seconds(min(time.Duration(min(n, 1<<31))*time.Second, 10*365*24*time.Hour))
	return nil
}
