package passwd

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

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

// WrapLegacy makes a hash of a password of which only an old digest is known:
// argon2id over the digest, so that the old one need not be kept. kind is
// "md5", "sha1", "sha256" or "sm3", digest is hexadecimal in either case. Verify
// accepts the password and asks for an upgrade. Import in no more goroutines at
// once than Slots, or ErrBusy is met. Errors: ErrLegacy, ErrBusy, ErrClosed.
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

// input returns the bytes that argon2id works on for a password and a stored
// hash. The caller clears them.
func input(s Secret, pre string) []byte {
	if !s.usable() {
		return nil
	}
	b := []byte(s.Normalised())
	if pre == "" {
		return b
	}
	defer clear(b)
	return legacyDigests[pre].sum(b)
}

// seal hashes bytes with a new salt and the current parameters and key.
func (s *Slot) seal(ctx context.Context, in []byte, pre string) (string, error) {
	h := s.place.hasher
	st := stored{params: h.params, kid: h.pepper.Current(), pre: pre, salt: make([]byte, saltSize)}
	rand.Read(st.salt)
	var err error
	if st.tag, err = s.tag(ctx, in, st); err != nil {
		return "", err
	}
	return st.String(), nil
}

// tag runs argon2id in this slot and the keyed step after it.
func (s *Slot) tag(ctx context.Context, in []byte, st stored) ([]byte, error) {
	key := make([]byte, tagSize)
	defer clear(key)
	if err := s.place.run(ctx, func(a *arena) { a.key(key, in, st.salt, st.params) }); err != nil {
		return nil, err
	}
	tag, err := s.place.hasher.pepper.Tag(st.kid, key)
	if err != nil {
		return nil, fmt.Errorf("passwd: %w", err)
	}
	return tag, nil
}
