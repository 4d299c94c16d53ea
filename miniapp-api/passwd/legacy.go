package passwd

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/emmansun/gmsm/sm3"
)

// ErrLegacy is returned for a digest that cannot be imported.
var ErrLegacy = errors.New("passwd: not a digest of a known kind")

// legacyDigests are the unsalted digests found in centres' core systems.
var legacyDigests = map[string]struct {
	size int
	sum  func([]byte) []byte
}{
	"md5":    {md5.Size, func(b []byte) []byte { d := md5.Sum(b); return d[:] }},
	"sha1":   {sha1.Size, func(b []byte) []byte { d := sha1.Sum(b); return d[:] }},
	"sha256": {sha256.Size, func(b []byte) []byte { d := sha256.Sum256(b); return d[:] }},
	"sm3":    {sm3.Size, func(b []byte) []byte { d := sm3.Sum(b); return d[:] }},
}

// LegacyDigest is what an old system kept of a password: its digest in lower-case
// hexadecimal, or ErrLegacy for an unknown kind.
func LegacyDigest(kind string, password Secret) (string, error) {
	d, known := legacyDigests[kind]
	if !known {
		return "", ErrLegacy
	}
	return hex.EncodeToString(d.sum([]byte(password.Reveal()))), nil
}

// WrapLegacy makes a hash of a password of which only an old digest is known:
// argon2id over the digest, so that the old one need not be kept. kind is
// "md5", "sha1", "sha256" or "sm3", digest is hexadecimal in either case. Verify
// accepts the password and asks for an upgrade. Importing in more goroutines than
// Slots gains nothing and in the end meets ErrBusy. Errors: ErrLegacy, ErrBusy,
// ErrClosed.
func (h *Hasher) WrapLegacy(kind, digest string) (string, error) {
	d, known := legacyDigests[kind]
	raw, err := hex.DecodeString(digest)
	if !known || err != nil || len(raw) != d.size {
		return "", ErrLegacy
	}
	defer clear(raw)
	slot, err := h.Reserve(context.Background())
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.seal(context.Background(), raw, kind)
}
