package store

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// NewSeed returns what a bearer token is made of: the id of the pepper's newest key and
// 256 random bits. It may be kept where the token may not, see Answer: without the
// pepper, which is not in the database, it makes none.
func (db *DB) NewSeed() string {
	var random [32]byte
	rand.Read(random[:])
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, db.pepper.Current()), random[:]...))
}

// Token returns the bearer token of a seed, always the same. The error is
// keys.ErrUnknownPepper when the seed's key was taken out of the pepper file since.
func (db *DB) Token(seed string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(seed)
	if err != nil || len(raw) < 4 {
		return "", errors.New("store: not a seed of a token")
	}
	token, err := db.pepper.Derive(binary.BigEndian.Uint32(raw), "session token", raw)
	return base64.RawURLEncoding.EncodeToString(token), err
}
