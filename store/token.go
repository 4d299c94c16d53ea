package store

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// NewSeed returns the seed of a bearer token: the id of the pepper's newest key and 256
// random bits. It may be stored where the token may not (see Answer), because the token
// cannot be derived without the pepper, which is not in the database.
func (db *DB) NewSeed() string {
	var random [32]byte
	rand.Read(random[:])
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, db.pepper.Current()), random[:]...))
}

// Token returns the bearer token of a seed, the same each time. With CenterConfig.TagTokens it begins
// with the centre's id. It returns
// keys.ErrUnknownPepper if the seed's key was removed from the pepper file.
func (db *DB) Token(seed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(seed)
	if err != nil || len(raw) < 4 {
		return "", errors.New("store: invalid token seed")
	}
	token, err := db.pepper.Derive(binary.BigEndian.Uint32(raw), "session token", raw)
	return db.tokenTag + base64.RawURLEncoding.EncodeToString(token), err
}

// tagMark ends the centre's id at the beginning of a token. Neither ids nor base64 contain it.
const tagMark = "."

// CenterOfToken returns the id of the centre that a token names, or "". Anybody can write such a
// token, so the centre then looks it up; a token with another tag is another token.
func CenterOfToken(token string) string {
	center, _, tagged := strings.Cut(token, tagMark)
	if !tagged {
		return ""
	}
	return center
}

// SealFor seals v for a front end that gives it back, bound to a purpose and to the digest by
// which the front end is recognised. Nobody else can read, change or use it. Whoever seals a
// value with a limited life puts the time into it.
func (db *DB) SealFor(purpose string, binding []byte, v any) (string, error) {
	sealed, err := db.seal(v, "front end", slices.Concat([]byte(purpose), []byte{0}, binding))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// UnsealFor is the inverse of SealFor. It fails for another purpose or front end, and for another
// spelling, such as one with a line break, so that a value that is valid once has one text only.
func (db *DB) UnsealFor(purpose string, binding []byte, sealed string, v any) error {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != sealed {
		return errors.New("store: invalid sealed value")
	}
	return db.unseal(raw, "front end", slices.Concat([]byte(purpose), []byte{0}, binding), v)
}
