// Package dpop verifies the proofs of RFC 9449 (OAuth 2.0 Demonstrating Proof of Possession): a
// JWT in the header DPoP of a request, signed with a key of the sender's, that is good for this
// one request. A token bound to the key is useless to whoever lacks the key.
//
// The package accepts ES256 only, because every phone's key store has it, and no second
// algorithm means no confusion of algorithms. It keeps no state: the caller spends the
// Proof's Digest, so that a proof is accepted once.
package dpop

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// The errors of Verify. The error code of RFC 9449 is in their Challenge.
var (
	// ErrInvalid refuses a proof. The error says why, without a word of the proof's.
	ErrInvalid = errors.New("dpop: invalid proof")

	// ErrNonce refuses a proof without a valid nonce. The sender makes another proof with the
	// nonce of the reply.
	ErrNonce = errors.New("dpop: proof has no valid nonce of the server")
)

// MaxSize is the largest accepted proof, in bytes. An ordinary one has about 700.
const MaxSize = 2048

// The window around the server's time in which a proof is accepted. A phone's clock may differ
// by a minute or two; within the window the nonce and the spent digests refuse a repeat.
const (
	MaxAge  = 2 * time.Minute
	MaxSkew = 2 * time.Minute
)

// A Verifier verifies proofs. It is safe for concurrent use.
type Verifier struct {
	Nonces *Nonces // nil: proofs need no nonce
}

// A Request is what a proof must be for.
type Request struct {
	Method string
	URL    string // absolute; query and fragment do not count
	Token  string // access token that the request presents; "" = none
}

// A Proof is a verified proof.
type Proof struct {
	// Thumbprint identifies the key that signed the proof.
	Thumbprint Thumbprint

	// Digest identifies the proof. The caller must refuse a digest that it has seen before,
	// and may forget it at ExpiresAt. It depends on the key, so nobody can spend the proof of
	// another key.
	Digest    []byte
	ExpiresAt time.Time
}

// Verify returns the proof in the header, if it is for the request. The checks are those of RFC
// 9449, section 4.3, except that the caller compares the Thumbprint with the token's and
// spends the Digest. The signature is verified last, because it costs most.
func (v *Verifier) Verify(h http.Header, r Request, now time.Time) (Proof, error) {
	raw := h.Values("DPoP")
	if len(raw) != 1 {
		return Proof{}, refuse("the request has no proof, or several")
	}
	t, err := parse(raw[0])
	if err != nil {
		return Proof{}, err
	}
	if err := t.claims.matches(r); err != nil {
		return Proof{}, err
	}
	if v.Nonces != nil && !v.Nonces.Valid(t.claims.Nonce, now) {
		return Proof{}, ErrNonce
	}
	issued, err := t.claims.issuedAt(now)
	if err != nil {
		return Proof{}, err
	}
	if !t.verified() {
		return Proof{}, refuse("the signature is wrong")
	}
	print := t.header.JWK.thumbprint()
	return Proof{Thumbprint: print, Digest: digest(print, t.claims.ID), ExpiresAt: issued.Add(MaxAge)}, nil
}

// digest returns the digest of a key's jti. The thumbprint has a fixed length, so no two pairs
// have the same input.
func digest(print Thumbprint, jti string) []byte {
	sum := sha256.Sum256(append(print[:], jti...))
	return sum[:]
}

// matches compares the claims with the request.
func (c claims) matches(r Request) error {
	htu, err := normalize(c.URL)
	if err != nil {
		return refuse("htu is no absolute http URL")
	}
	want, err := normalize(r.URL)
	switch {
	case err != nil:
		return fmt.Errorf("dpop: URL of the request: %w", err)
	case len(c.ID) < minID:
		return refuse("jti is missing or too short")
	case c.Method != r.Method:
		return refuse("htm is another method")
	case htu != want:
		return refuse("htu is another URL")
	case r.Token != "" && subtle.ConstantTimeCompare([]byte(c.TokenHash), []byte(TokenHash(r.Token))) != 1:
		return refuse("ath is missing or of another token")
	}
	return nil
}

// minID is the shortest accepted jti: 96 random bits in base64 (RFC 9449, section 4.2).
const minID = 16

// issuedAt returns the time of iat if it is within the window. It compares numbers, because a
// hostile one may not fit a time.
func (c claims) issuedAt(now time.Time) (time.Time, error) {
	if c.IssuedAt == nil {
		return time.Time{}, refuse("iat is missing")
	}
	iat, at := *c.IssuedAt, float64(now.Unix())
	switch {
	case !(iat >= at-MaxAge.Seconds()):
		return time.Time{}, refuse("iat is too old")
	case !(iat <= at+MaxSkew.Seconds()):
		return time.Time{}, refuse("iat is in the future")
	}
	return time.Unix(int64(iat)+1, 0), nil // rounded up, as the digest must outlast the proof
}

// TokenHash returns the claim ath of an access token.
func TokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Challenge returns the header WWW-Authenticate of a reply that refuses a request (RFC 9449,
// sections 7.1 and 9). Any other error than those of this package means that the token, and
// not the proof, was refused.
func Challenge(err error) string {
	code := "invalid_token"
	switch {
	case errors.Is(err, ErrNonce):
		code = "use_dpop_nonce"
	case errors.Is(err, ErrInvalid):
		code = "invalid_dpop_proof"
	}
	return fmt.Sprintf("DPoP error=%q, algs=%q", code, algorithm)
}

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
