package passwd

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrNotString is returned for JSON that has a value other than a string as a password.
var ErrNotString = errors.New("passwd: a password must be a JSON string in valid UTF-8")

// maxBytes is the maximum length of a password. 256 code points fit into it in every
// composition. Policy.Check refuses longer passwords, and they never match a hash.
const maxBytes = 4096

const masked = "[secret]"

// A Secret is a password. It prints as [secret] with every verb, in JSON and in logs. The zero Secret
// is the empty password.
//
// The value is in a closure: printers that access a Secret in an unexported field, without calling
// its methods, print an address. Secrets cannot be compared with ==; use Equal.
type Secret struct{ reveal func() string }

// NewSecret returns the Secret of a password as it was typed.
func NewSecret(s string) Secret { return Secret{func() string { return s }} }

// Reveal returns the password as it was typed. Only code that must compare or transmit
// the password calls it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Normalised returns the password in Unicode NFC (NIST SP 800-63B-4, 3.1.1.2). Length,
// hash, comparison and fingerprint use this form, because keyboards compose letters
// differently. A password over 4096 bytes is returned as typed.
func (s Secret) Normalised() string {
	v := s.Reveal()
	if len(v) > maxBytes {
		return v
	}
	return norm.NFC.String(v)
}

// Empty reports whether the password is empty.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal reports whether both passwords are equal after normalising. The time it takes
// depends on the lengths but not on the content.
func (s Secret) Equal(other Secret) bool {
	a, b := []byte(s.Normalised()), []byte(other.Normalised())
	defer clear(a)
	defer clear(b)
	return subtle.ConstantTimeCompare(a, b) == 1
}

// usable reports whether s can be a password. Other values never match.
func (s Secret) usable() bool {
	v := s.Reveal()
	return v != "" && len(v) <= maxBytes && utf8.ValidString(v)
}

// Format prints [secret] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

func (Secret) String() string { return masked }

// GoString is for callers that do not use fmt's verbs.
func (Secret) GoString() string { return masked }

// LogValue returns [secret] for package slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText returns [secret] for text encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON returns "[secret]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// UnmarshalJSON accepts a JSON string. It returns ErrNotString for other values.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var v string
	if len(data) == 0 || data[0] != '"' || !utf8.Valid(data) || json.Unmarshal(data, &v) != nil {
		return ErrNotString
	}
	*s = NewSecret(v)
	return nil
}
