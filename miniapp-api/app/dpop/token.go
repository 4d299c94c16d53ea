package dpop

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/go-json-experiment/json"
)

// algorithm is the only accepted JWS algorithm, and mediaType the typ of a proof.
const (
	algorithm = "ES256"
	mediaType = "dpop+jwt"
)

// A token is a parsed proof in JWS compact serialization (RFC 7515, section 7.1).
type token struct {
	signed    string // header and claims as they are signed
	header    header
	key       *ecdsa.PublicKey // of the header
	claims    claims
	signature []byte
}

// A header has the parameters that a proof may have. Any other is refused: some of them change
// how a signature is verified (crit, b64) or bring a second key (x5c, jku).
type header struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	JWK       jwk    `json:"jwk"`
	KeyID     string `json:"kid"` // meaningless here; some libraries always add it
}

// The claims of a proof (RFC 9449, section 4.2). Further ones are ignored.
type claims struct {
	ID        string   `json:"jti"`
	Method    string   `json:"htm"`
	URL       string   `json:"htu"`
	IssuedAt  *float64 `json:"iat"`
	TokenHash string   `json:"ath"`
	Nonce     string   `json:"nonce"`
}

// base64url has exactly one encoding of each value, unlike the package's variable of this
// alphabet.
var base64url = base64.RawURLEncoding.Strict()

// parse returns the proof without verifying it, or ErrInvalid.
func parse(raw string) (token, error) {
	if len(raw) > MaxSize {
		return token{}, refuse("the proof is too large")
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || strings.ContainsAny(raw, "\r\n") { // base64 would skip line breaks
		return token{}, refuse("the proof is no compact JWS")
	}
	t := token{signed: raw[:len(raw)-len(parts[2])-1]}
	if err := decodePart(parts[0], &t.header, json.RejectUnknownMembers(true)); err != nil {
		return token{}, refuse("the header is no JSON, or has a parameter that no proof has")
	}
	if err := decodePart(parts[1], &t.claims); err != nil {
		return token{}, refuse("the claims are no JSON, or of other types")
	}
	var err error
	if t.signature, err = base64url.DecodeString(parts[2]); err != nil || len(t.signature) != 2*coordinateSize {
		return token{}, refuse("the signature has another form")
	}
	t.key, err = t.header.check()
	return t, err
}

// decodePart decodes a base64url part of JSON. Duplicate names are refused: two readers of such
// a part may see different values.
func decodePart(part string, v any, options ...json.Options) error {
	data, err := base64url.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v, options...)
}

// check returns the key of the header.
func (h header) check() (*ecdsa.PublicKey, error) {
	switch {
	case h.Type != mediaType:
		return nil, refuse("typ is another type")
	case h.Algorithm != algorithm:
		return nil, refuse("alg is another algorithm")
	}
	return h.JWK.public()
}

// verified reports whether the key in the header has signed the proof. The signature of ES256
// is r and s, 32 bytes each (RFC 7518, section 3.4).
func (t token) verified() bool {
	sum := sha256.Sum256([]byte(t.signed))
	r := new(big.Int).SetBytes(t.signature[:coordinateSize])
	s := new(big.Int).SetBytes(t.signature[coordinateSize:])
	return ecdsa.Verify(t.key, sum[:], r, s)
}
