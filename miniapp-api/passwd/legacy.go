package passwd

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrLegacy is returned for a digest that cannot be imported. The text says
// what is wrong with it and names the bound it breaks, never the digest.
var ErrLegacy = errors.New("passwd: old digest cannot be imported")

// A Legacy is all that an old system kept of a password. The zero Legacy is
// none. It prints as [secret]. See ParseLegacy.
type Legacy struct {
	scheme scheme
	digest string // raw bytes
}

// Kind names how the digest was made: "md5", "sm3-before", "bcrypt",
// "pbkdf2-sha256"; "" for the zero Legacy.
func (l Legacy) Kind() string { return l.scheme.kind }

// Slow reports whether trying one password against the digest takes
// milliseconds and more, as bcrypt and PBKDF2 do.
func (l Legacy) Slow() bool { return l.scheme.slow() }

// Matches reports whether the digest is of this password. It computes on the
// caller's thread, outside every pool: it is for an import, not for a request.
func (l Legacy) Matches(password Secret) bool {
	in := []byte(password.Normalised())
	defer clear(in)
	return l.Kind() != "" && password.usable() && subtle.ConstantTimeCompare(l.scheme.sum(in), []byte(l.digest)) == 1
}

// Format prints [secret], whatever the verb.
func (Legacy) Format(f fmt.State, verb rune) { Secret{}.Format(f, verb) }

// LegacyDigest is what an old system kept of a password by an unsalted kind:
// its digest in lower-case hexadecimal. ErrLegacy for any other kind.
func LegacyDigest(kind string, password Secret) (string, error) {
	s := scheme{kind: kind}
	if err := s.check(); err != nil {
		return "", err
	}
	return hex.EncodeToString(s.sum([]byte(password.Reveal()))), nil
}

// WrapLegacy is Wrap for an unsalted digest of that kind, in hexadecimal or
// base64.
func (h *Hasher) WrapLegacy(kind, digest string) (string, error) {
	l, err := ParseLegacy("{" + kind + "}" + digest)
	if err != nil {
		return "", err
	}
	return h.Wrap(context.Background(), l)
}

// Wrap makes a hash of a password of which only an old digest is known:
// argon2id over the digest, so that the old one need not be kept. Salt and cost
// of the old kind stand in the hash. It costs one argon2id and nothing of the
// old kind's cost.
//
// Verify accepts the password, asks for an upgrade, and costs both: the old
// kind's work is done in the same place of the pool, so a slow one delays other
// passwords and nothing else. A plain or salted digest is lost in the noise. A
// bcrypt or PBKDF2 digest is not: at the bounds a failed attempt takes up to half a
// second more than Dummy. A caller who tells strangers nothing must therefore
// answer every refusal as late as the costliest digest left would, which costs
// time but no work: see SlowKinds and SlowHash.
//
// Importing in more goroutines than Slots gains nothing and in the end meets
// ErrBusy. Errors: ErrLegacy, ErrBusy, ErrClosed, the context's.
func (h *Hasher) Wrap(ctx context.Context, l Legacy) (string, error) {
	if l.Kind() == "" {
		return "", fmt.Errorf("%w: there is none", ErrLegacy)
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
