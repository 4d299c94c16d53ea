package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/go-json-experiment/json"
)

// coordinateSize is the size of a coordinate of P-256, in bytes.
const coordinateSize = 32

// A jwk is a public key of P-256 (RFC 7517, RFC 7518, section 6.2.1). Members that it does not
// have are refused, among them all of a private key.
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`

	// What WebCrypto and JOSE libraries add when they export a public key.
	KeyID       string   `json:"kid"`
	Use         string   `json:"use"`
	Algorithm   string   `json:"alg"`
	Operations  []string `json:"key_ops"`
	Extractable bool     `json:"ext"`
}

// public returns the key, or an error if it is no point of the curve.
func (k jwk) public() (*ecdsa.PublicKey, error) {
	if k.Type != "EC" || k.Curve != "P-256" {
		return nil, refuse("jwk is no key of P-256")
	}
	x, okX := coordinate(k.X)
	y, okY := coordinate(k.Y)
	if !okX || !okY {
		return nil, refuse("jwk has no coordinates of 32 bytes")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, refuse("jwk is no point of P-256")
	}
	return key, nil
}

// coordinate decodes a coordinate. The length of the text is checked, too, because base64
// skips line breaks.
func coordinate(text string) ([]byte, bool) {
	value, err := base64url.DecodeString(text)
	return value, err == nil && len(value) == coordinateSize && len(text) == base64url.EncodedLen(coordinateSize)
}

// A Thumbprint is the SHA-256 thumbprint of a key (RFC 7638), jkt in RFC 9449.
type Thumbprint [sha256.Size]byte

// String returns the thumbprint as jkt has it.
func (t Thumbprint) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// thumbprint hashes the required members in the order of their names. The key has been checked,
// so its coordinates have one encoding and need no escaping.
func (k jwk) thumbprint() Thumbprint {
	return sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + k.X + `","y":"` + k.Y + `"}`))
}

// ParseKey returns the thumbprint of a public key of P-256 in JSON, or ErrInvalid.
func ParseKey(data []byte) (Thumbprint, error) {
	var k jwk
	if err := json.Unmarshal(data, &k, json.RejectUnknownMembers(true)); err != nil {
		return Thumbprint{}, refuse("the key is no JSON, or has a member that no public key has")
	}
	if _, err := k.public(); err != nil {
		return Thumbprint{}, err
	}
	return k.thumbprint(), nil
}
