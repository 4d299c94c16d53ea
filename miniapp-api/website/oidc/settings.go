package oidc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"fundpass/keys"
)

// ErrSettings is wrapped by every error of a settings file.
var ErrSettings = errors.New("oidc: settings")

// Settings describe one issuer, as a JSON file that LoadSettings reads.
type Settings struct {
	Name     string `json:"name"` // Chinese, shown to citizens, e.g. 广东省统一身份认证平台
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`

	// SecretFile is the path of the client secret; a relative one begins at the settings file.
	SecretFile string `json:"client_secret_file"`
	// ClientAuth is how the client authenticates at the token endpoint: "basic" or "post";
	// "" = "basic".
	ClientAuth string `json:"client_auth,omitempty"`

	Scopes []string `json:"scopes"` // besides openid

	// Claims are the names of the claims that identify the person.
	Claims Claims `json:"claims"`
	// IDTypes maps the issuer's document types to the centre's codes. If Claims has no IDType,
	// its one key is "".
	IDTypes map[string]string `json:"id_types"`
	// Require lists claims with the values one of which each must have, for example the level
	// of identity verification. An account that misses one is refused.
	Require map[string][]string `json:"require,omitempty"`

	// MaxAge is how many seconds ago the person may have signed in at the issuer; nil = any
	// time. 0 makes every citizen sign in anew, for terminals that many people use.
	MaxAge *int `json:"max_age,omitempty"`

	secret string
}

// Claims are names of claims.
type Claims struct {
	Name     string `json:"name"`
	IDType   string `json:"id_type,omitempty"` // "" if all documents have the type IDTypes[""]
	IDNumber string `json:"id_number"`
}

const maxSettingsBytes = 64 << 10

// LoadSettings reads a settings file and the client secret. Its error wraps ErrSettings, lists
// all problems, and contains no secret.
func LoadSettings(path string) (Settings, error) {
	data, err := readFile(path)
	if err != nil {
		return Settings{}, err
	}
	s, err := ParseSettings(data)
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", path, err)
	}
	if !filepath.IsAbs(s.SecretFile) {
		s.SecretFile = filepath.Join(filepath.Dir(path), s.SecretFile)
	}
	if err := keys.CheckMode(s.SecretFile); err != nil {
		return Settings{}, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	secret, err := readFile(s.SecretFile)
	if err != nil {
		return Settings{}, err
	}
	return s, s.setSecret(strings.TrimSpace(string(secret)))
}

// readFile reads a file of at most maxSettingsBytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSettingsBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrSettings, err)
	case len(data) > maxSettingsBytes:
		return nil, fmt.Errorf("%w: %s is longer than %d bytes", ErrSettings, path, maxSettingsBytes)
	}
	return data, nil
}

// setSecret sets the client secret.
func (s *Settings) setSecret(secret string) error {
	if s.secret = secret; len(secret) < 16 || !only(secret, func(r rune) bool { return r > ' ' && r < 0x7f }) {
		return fmt.Errorf("%w: %s is not a client secret of at least 16 visible ASCII characters", ErrSettings, s.SecretFile)
	}
	return nil
}

// WithSecret returns a copy of s with a client secret that is in no file, for tests and the demo.
func (s Settings) WithSecret(secret string) Settings {
	s.secret = secret
	return s
}

// ParseSettings parses a settings file without its secret. It rejects unknown, repeated and
// wrongly capitalised keys. Its error wraps ErrSettings and lists all problems.
func ParseSettings(data []byte) (Settings, error) {
	var s Settings
	if err := json.Unmarshal(data, &s, json.RejectUnknownMembers(true)); err != nil {
		return Settings{}, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	s.ClientAuth = cmp.Or(s.ClientAuth, "basic")
	if err := errors.Join(s.problems()...); err != nil {
		return Settings{}, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	return s, nil
}

// problems returns everything that is wrong with the settings.
func (s Settings) problems() []error {
	var all []error
	note := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	n := utf8.RuneCountInString(s.Name)
	note(n < 2 || n > 30 || !only(s.Name, unicode.IsPrint), "name is not 2 to 30 printable characters")
	if err := checkURL(s.Issuer); err != nil {
		all = append(all, fmt.Errorf("issuer %w", err))
	}
	note(s.ClientID == "" || !only(s.ClientID, unicode.IsPrint), "client_id is missing")
	note(s.SecretFile == "", "client_secret_file is missing")
	note(s.ClientAuth != "basic" && s.ClientAuth != "post", "client_auth is not basic or post")
	for _, scope := range s.Scopes {
		note(scope == "" || !only(scope, scopeCharacter), "scope %q is not allowed by RFC 6749", scope)
		note(scope == "offline_access", "scope offline_access asks for access that is never used")
	}
	note(s.MaxAge != nil && *s.MaxAge < 0, "max_age is negative")
	return append(all, s.claimProblems()...)
}

// claimProblems returns what is wrong with the settings of the claims.
func (s Settings) claimProblems() []error {
	var all []error
	if s.Claims.Name == "" || s.Claims.IDNumber == "" {
		all = append(all, errors.New("claims need name and id_number"))
	}
	_, fixed := s.IDTypes[""]
	switch {
	case len(s.IDTypes) == 0:
		all = append(all, errors.New("id_types is empty"))
	case s.Claims.IDType == "" && (!fixed || len(s.IDTypes) > 1):
		all = append(all, errors.New(`without claims.id_type, id_types needs "" as its only key`))
	case s.Claims.IDType != "" && fixed:
		all = append(all, errors.New(`id_types has the key "", which needs claims.id_type left out`))
	}
	for _, claim := range slices.Sorted(maps.Keys(s.Require)) {
		if values := s.Require[claim]; claim == "" || len(values) == 0 || slices.Contains(values, "") {
			all = append(all, fmt.Errorf("require %q has no value, or an empty one", claim))
		}
	}
	return all
}

// scopeCharacter reports whether r is a NQCHAR of RFC 6749, appendix A.
func scopeCharacter(r rune) bool { return r > ' ' && r < 0x7f && r != '"' && r != '\\' }

func only(s string, allowed func(rune) bool) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) })
}

// checkURL returns nil if address consists of host and path and is https, or http on a loopback
// address. The error text is a predicate without subject.
func checkURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("is not a URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("has more in it than host and path")
	case u.Scheme == "http" && isLoopback(u.Hostname()), u.Scheme == "https":
		return nil
	}
	return errors.New("is not https; plain http is allowed only for a simulator on this machine")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxAge returns MaxAge as a duration, and whether it is set.
func (s Settings) maxAge() (time.Duration, bool) {
	if s.MaxAge == nil {
		return 0, false
	}
	return time.Duration(*s.MaxAge) * time.Second, true
}
