package passwd

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrLegacy is returned for a digest that cannot be imported. Its text gives the reason
// and the bound, never the digest.
var ErrLegacy = errors.New("passwd: old digest cannot be imported")

// A Legacy is a password digest of an old system. The zero Legacy is no digest. It prints
// as [secret]. See ParseLegacy.
type Legacy struct {
	scheme scheme
	digest string // raw bytes
}

// Kind returns the kind of the digest, such as "md5", "sm3-before", "bcrypt" or
// "pbkdf2-sha256", or "" for the zero Legacy.
func (l Legacy) Kind() string { return l.scheme.kind }

// Slow reports whether one comparison with the digest takes milliseconds or more, as for
// bcrypt and PBKDF2.
func (l Legacy) Slow() bool { return l.scheme.slow() }

// Matches reports whether the digest is of this password. It computes on the caller's
// thread, outside the pool, and is for imports, not for requests.
func (l Legacy) Matches(password Secret) bool {
	in := []byte(password.Normalised())
	defer clear(in)
	return l.Kind() != "" && password.usable() && subtle.ConstantTimeCompare(l.scheme.sum(in), []byte(l.digest)) == 1
}

// Format prints [secret] for every verb.
func (Legacy) Format(f fmt.State, verb rune) { Secret{}.Format(f, verb) }

// LegacyDigest returns the lower-case hexadecimal digest of a password of an unsalted
// kind. It returns ErrLegacy for other kinds.
func LegacyDigest(kind string, password Secret) (string, error) {
	s := scheme{kind: kind}
	if err := s.check(); err != nil {
		return "", err
	}
	return hex.EncodeToString(s.sum([]byte(password.Reveal()))), nil
}

// WrapLegacy is Wrap for an unsalted digest of that kind, in hexadecimal or base64.
func (h *Hasher) WrapLegacy(kind, digest string) (string, error) {
	l, err := ParseLegacy("{" + kind + "}" + digest)
	if err != nil {
		return "", err
	}
	return h.Wrap(context.Background(), l)
}

// Wrap returns a hash of a password of which only an old digest is known: argon2id of the
// digest, so that the digest need not be stored. The hash contains the salt and the cost
// of the old kind. Wrap costs one argon2id and nothing of the old kind.
//
// Verify accepts the password, requests an upgrade, and costs both: it computes the old
// kind in the same place of the pool, so that a slow one delays only other passwords. The
// time of a plain or salted digest is negligible. That of a bcrypt or PBKDF2 digest is
// not: at the bounds a failed attempt takes up to half a second longer than Dummy. A
// caller that must not reveal this to strangers has to delay every refusal as long as the
// costliest remaining digest takes, see SlowKinds and SlowHash.
//
// More concurrent imports than Slots are not faster and can get ErrBusy. Wrap returns
// ErrLegacy, ErrBusy, ErrClosed or the error of ctx.
func (h *Hasher) Wrap(ctx context.Context, l Legacy) (string, error) {
	if l.Kind() == "" {
		return "", fmt.Errorf("%w: no digest", ErrLegacy)
	}
	slot, err := h.Reserve(ctx, Caller{})
	if err != nil {
		return "", err
	}
	defer slot.Release()
	in := []byte(l.digest)
	defer clear(in)
	return slot.seal(ctx, in, l.scheme.String())
}
