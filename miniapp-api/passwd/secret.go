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

// ErrNotString is returned when JSON has something else in the place of a
// password.
var ErrNotString = errors.New("passwd: a password must be a JSON string in valid UTF-8")

// maxBytes bounds every password this package works on. It leaves room for 256
// code points however they are composed; longer ones are refused by Policy.Check
// and never match a hash.
const maxBytes = 4096

const masked = "[secret]"

// A Secret is a password. It prints as [secret] in every verb, in JSON and in
// logs. The zero Secret is the empty password.
//
// The value hides in a function: printers that look into a Secret in somebody's
// unexported field, without asking its methods, find an address there. Secrets
// cannot be compared with ==; use Equal.
type Secret struct{ reveal func() string }

// NewSecret wraps a password as it was typed.
func NewSecret(s string) Secret { return Secret{func() string { return s }} }

// Reveal returns the password as it was typed. Nothing but code that must
// compare or transmit the password calls it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Normalised returns the password in Unicode NFC (NIST SP 800-63B-4, 3.1.1.2):
// what is measured, hashed, compared and fingerprinted, so that keyboards which
// compose letters differently type the same password. Passwords over 4096 bytes
// are returned as typed.
func (s Secret) Normalised() string {
	v := s.Reveal()
	if len(v) > maxBytes {
		return v
	}
	return norm.NFC.String(v)
}

// Empty reports whether nothing was typed.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal reports whether both are the same password after normalising. The time
// it takes tells the lengths but nothing of the content.
func (s Secret) Equal(other Secret) bool {
	a, b := []byte(s.Normalised()), []byte(other.Normalised())
	defer clear(a)
	defer clear(b)
	return subtle.ConstantTimeCompare(a, b) == 1
}

// usable reports whether s can be a password at all; others never match.
func (s Secret) usable() bool {
	v := s.Reveal()
	return v != "" && len(v) <= maxBytes && utf8.ValidString(v)
}

// Format prints [secret], whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

func (Secret) String() string { return masked }

// GoString is for callers that do not go through fmt's verbs.
func (Secret) GoString() string { return masked }

// LogValue is what slog writes.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText is what text encoders write.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// MarshalJSON writes "[secret]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// UnmarshalJSON takes a JSON string. Its only error is ErrNotString.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var v string
	if len(data) == 0 || data[0] != '"' || !utf8.Valid(data) || json.Unmarshal(data, &v) != nil {
		return ErrNotString
	}
	*s = NewSecret(v)
	return nil
}
