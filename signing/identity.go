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

// An Identity identifies an Alipay user. Its key is (AppID, Kind, Value): a user has
// other identifiers in other applications, and values of different kinds must not be
// compared.
type Identity struct {
	AppID string
	Kind  string // "open_id" or "user_id"
	Value string
	// UserID is the user_id of a user whose Kind is open_id, for applications that
	// migrate from user_id to open_id; otherwise "".
	UserID string
}

// A Grant is the result of Exchange.
type Grant struct {
	Identity    Identity
	AccessToken string        // secret; the argument of MatchPerson
	ExpiresIn   time.Duration // validity of AccessToken; 0 if Alipay did not return it
}

// A Person is a name and an ID document to be verified.
type Person struct {
	Name     string
	IDType   string // ZJLX code of JGJ/T 320: "01" ID card, "02" officer's card, "03" passport
	IDNumber string
}

// certTypes maps ZJLX codes to Alipay's cert_type. The document of preconsult lists
// IDENTITY_CARD only; the others are the values of the trade interfaces. Alipay rejects
// them (ErrConfiguration) unless it has enabled them for the application.
var certTypes = map[string]string{
	"01": "IDENTITY_CARD",
	"02": "OFFICER_CARD",
	"03": "PASSPORT",
}

// opaque matches auth codes and identifiers. Alipay does not document their characters,
// so it accepts 1 to 256 printable ASCII characters.
var opaque = regexp.MustCompile(`^[!-~]{1,256}$`)

// Exchange exchanges the auth code of a mini-program for the identity of its user
// (alipay.system.oauth.token). A code is valid once, for 3 minutes or longer, and a
// failed exchange may use it up. Exchange therefore never retries, and after any error
// the front end needs a new code.
// Errors: ErrCodeInvalid, ErrUnavailable, ErrForged, ErrConfiguration.
func (g *Gateway) Exchange(ctx context.Context, authCode string) (Grant, error) {
	if !opaque.MatchString(authCode) {
		return Grant{}, fmt.Errorf("%w: malformed", ErrCodeInvalid)
	}
	var out struct {
		OpenID      string  `json:"open_id"`
		UserID      string  `json:"user_id"`
		AccessToken string  `json:"access_token"`
		ExpiresIn   seconds `json:"expires_in"`
	}
	c := g.current.Load()
	p := alipay.NewPayload("alipay.system.oauth.token").
		AddParam("grant_type", "authorization_code").AddParam("code", authCode)
	if err := c.call(ctx, p, &out); err != nil {
		return Grant{}, err
	}
	id, ok := identify(c.keyring.AppID(), out.OpenID, out.UserID)
	if !ok || out.AccessToken == "" { // this response has no code 10000 to check
		return Grant{}, fmt.Errorf("%s: %w: identifier or token is missing", p.APIName(), ErrUnavailable)
	}
	return Grant{Identity: id, AccessToken: out.AccessToken, ExpiresIn: time.Duration(out.ExpiresIn)}, nil
}

// identify returns the Identity of a user with openID, userID or both; ok is false if
// they are malformed. It prefers open_id, because newer applications get no user_id.
func identify(appID, openID, userID string) (Identity, bool) {
	id := Identity{AppID: appID, Kind: "open_id", Value: openID, UserID: userID}
	if openID == "" {
		id = Identity{AppID: appID, Kind: "user_id", Value: userID}
	}
	ok := opaque.MatchString(id.Value) && (id.UserID == "" || opaque.MatchString(id.UserID))
	return id, ok
}

// MatchPerson reports whether the Alipay user who owns accessToken is certified as p.
// Alipay compares name, document type and number and returns nothing else. MatchPerson
// calls alipay.user.certdoc.certverify.preconsult, which submits p, and then
// alipay.user.certdoc.certverify.consult, which compares. It is idempotent.
//
// Errors: ErrTokenInvalid, ErrIDType, ErrUnavailable, ErrForged, ErrConfiguration.
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
	c := g.current.Load()
	verifyID, err := c.preconsult(limited, certType, p)
	if err != nil {
		return false, err
	}
	return c.consult(limited, accessToken, verifyID)
}

// preconsult submits p and returns its verify_id, which is valid for two hours.
func (c *keyedClient) preconsult(ctx context.Context, certType string, p Person) (string, error) {
	var out struct {
		VerifyID string `json:"verify_id"`
	}
	ask := alipay.NewPayload("alipay.user.certdoc.certverify.preconsult").
		AddBizField("user_name", p.Name).AddBizField("cert_type", certType).AddBizField("cert_no", p.IDNumber)
	if err := c.call(ctx, ask, &out); err != nil {
		return "", err
	}
	if out.VerifyID == "" {
		return "", fmt.Errorf("%s: %w: verify_id is missing", ask.APIName(), ErrUnavailable)
	}
	return out.VerifyID, nil
}

// consult reports whether the owner of accessToken is the person of verifyID.
func (c *keyedClient) consult(ctx context.Context, accessToken, verifyID string) (bool, error) {
	var out struct {
		Passed string `json:"passed"`
	}
	ask := alipay.NewPayload("alipay.user.certdoc.certverify.consult").
		AddParam("auth_token", accessToken).AddBizField("verify_id", verifyID)
	if err := c.call(ctx, ask, &out); err != nil {
		return false, err
	}
	if out.Passed != "T" && out.Passed != "F" {
		return false, fmt.Errorf("%s: %w: neither T nor F", ask.APIName(), ErrUnavailable)
	}
	return out.Passed == "T", nil
}

// seconds is a duration that Alipay encodes as a JSON number or a string of digits.
type seconds time.Duration

// UnmarshalJSON implements json.Unmarshaler. It caps the value at ten years.
func (s *seconds) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(raw), `"`), 10, 63)
	if err != nil {
		return fmt.Errorf("%w: expires_in is not a number of seconds", ErrUnavailable)
	}
	*s = seconds(min(time.Duration(min(n, 1<<31))*time.Second, 10*365*24*time.Hour))
	return nil
}
