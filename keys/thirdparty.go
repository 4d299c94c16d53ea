package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// ErrAppAuth means that a file does not hold an app_auth_token, or the token was granted by
// another mini-program or to another third-party application.
var ErrAppAuth = errors.New("keys: app_auth_token not usable")

// An AppAuth is what the owner of a mini-program grants to a third-party application
// (第三方应用): the right to call Alipay for that mini-program. Its JSON is the content of the
// file that FUNDPASS_APP_AUTH_TOKEN_FILE names.
type AppAuth struct {
	ThirdParty  string `json:"app_id,omitempty"`      // application id of the third-party application
	MiniProgram string `json:"auth_app_id,omitempty"` // application id of the mini-program
	Token       string `json:"app_auth_token"`        // secret
	Refresh     string `json:"app_refresh_token,omitempty"`
	// NotAfter is the end that Alipay gave with the token; zero if it is not known. According
	// to Alipay's newer documents a token has no end.
	NotAfter time.Time `json:"not_after,omitzero"`
}

// appAuthToken matches tokens. Alipay documents at most 40 characters, without their kind.
var appAuthToken = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

// String hides the tokens from logs.
func (AppAuth) String() string { return "app_auth_token" }

// GoString hides the tokens from logs.
func (a AppAuth) GoString() string { return a.String() }

// ParseAppAuth parses the JSON of an AppAuth, or the bare token in one line, as Alipay's console
// shows it. Its errors do not quote the content.
func ParseAppAuth(data []byte) (AppAuth, error) {
	text := strings.TrimSpace(string(data))
	auth := AppAuth{Token: text}
	if strings.HasPrefix(text, "{") {
		auth = AppAuth{}
		if json.Unmarshal([]byte(text), &auth) != nil {
			return AppAuth{}, fmt.Errorf("%w: not the JSON that fundpass keys fetch-app-auth writes", ErrAppAuth)
		}
	}
	if !appAuthToken.MatchString(auth.Token) {
		return AppAuth{}, fmt.Errorf("%w: no app_auth_token of 16 to 128 letters, digits, - or _", ErrAppAuth)
	}
	return auth, nil
}

// ForMiniProgram returns the keyring with which the third-party application that r belongs to
// calls Alipay for the mini-program appID. Several keyrings may share the keys of r.
// Errors: ErrIncomplete, ErrFormat, ErrAppAuth.
func (r *AlipayKeyring) ForMiniProgram(appID string, auth AppAuth) (*AlipayKeyring, error) {
	if err := checkAppID(appID); err != nil {
		return nil, err
	}
	if err := auth.check(r.appID, appID); err != nil {
		return nil, err
	}
	other := *r
	other.appID, other.signingAppID, other.appAuth = appID, r.appID, auth
	return &other, nil
}

// check returns ErrAppAuth unless miniProgram granted the token to thirdParty. A bare token names
// neither.
func (a AppAuth) check(thirdParty, miniProgram string) error {
	switch {
	case thirdParty == miniProgram:
		return fmt.Errorf("%w: the mini-program and the third-party application have the same id", ErrAppAuth)
	case !appAuthToken.MatchString(a.Token):
		return fmt.Errorf("%w: the app_auth_token is missing", ErrAppAuth)
	case a.ThirdParty != "" && a.ThirdParty != thirdParty:
		return fmt.Errorf("%w: it was granted to another third-party application", ErrAppAuth)
	case a.MiniProgram != "" && a.MiniProgram != miniProgram:
		return fmt.Errorf("%w: it was granted by another mini-program", ErrAppAuth)
	}
	return nil
}

// SigningAppID returns the id of the application whose keys sign: the third-party application, or
// the mini-program if it has keys of its own. It is app_id in requests and messages.
func (r *AlipayKeyring) SigningAppID() string {
	if r.signingAppID != "" {
		return r.signingAppID
	}
	return r.appID
}

// IsThirdParty reports whether a third-party application signs.
func (r *AlipayKeyring) IsThirdParty() bool { return r.signingAppID != "" }

// AppAuthToken returns the value of app_auth_token, a secret, or "" if the mini-program signs.
func (r *AlipayKeyring) AppAuthToken() string { return r.appAuth.Token }

// AppAuthNotAfter returns the end of the token's validity, or the zero time if it is not known.
func (r *AlipayKeyring) AppAuthNotAfter() time.Time { return r.appAuth.NotAfter }

// signingAppID returns the id of the application whose files are loaded.
func (f AlipayKeyringFiles) signingAppID() string {
	if f.ThirdPartyAppID != "" {
		return f.ThirdPartyAppID
	}
	return f.AppID
}

// loadAppAuth makes the loaded keyring one for the mini-program.
func (l *keyringLoader) loadAppAuth() {
	if l.files.ThirdPartyAppID == "" {
		return
	}
	l.note("", checkAppID(l.files.ThirdPartyAppID))
	data, ok := l.read(l.files.AppAuth, "the file with the app_auth_token that the mini-program granted to the third-party application")
	if !ok {
		return
	}
	auth, err := ParseAppAuth(data)
	if err == nil {
		err = auth.check(l.files.ThirdPartyAppID, l.files.AppID)
	}
	l.note(l.files.AppAuth, err)
	l.keyring.signingAppID, l.keyring.appAuth = l.files.ThirdPartyAppID, auth
}
