package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrTransport means that an encrypted text cannot be decrypted. It is the same error for
// every cause, so that it is no oracle.
var ErrTransport = errors.New("keys: encrypted text cannot be decrypted")

// maxTransport is the maximum number of transport keys: the current one, and old ones that
// open pages still use.
const maxTransport = 4

// A Transport holds the RSA keys with which front ends encrypt passwords (RSA-OAEP with
// SHA-256, RFC 8017, section 7.1), so that a proxy that terminates TLS cannot read them.
// It is immutable and safe for concurrent use.
type Transport struct{ keys []transportKey }

type transportKey struct {
	private *rsa.PrivateKey
	kid     string
	public  string
}

// transportBits is the length of a transport key. A page needs my.rsa, which takes 1024 or 2048
// bits; 1024 are too weak.
const transportBits = 2048

// NewTransport returns a Transport with 1 to 4 keys of 2048 bits. The first is the current key;
// all of them decrypt. Errors: ErrIncomplete, ErrWeak, ErrFormat, ErrDuplicate.
func NewTransport(private ...*rsa.PrivateKey) (*Transport, error) {
	if len(private) == 0 || len(private) > maxTransport {
		return nil, fmt.Errorf("%w: 1 to %d transport keys", ErrIncomplete, maxTransport)
	}
	t := new(Transport)
	seen := make(map[string]bool)
	for _, key := range private {
		if err := checkPublic(&key.PublicKey); err != nil {
			return nil, err
		}
		if n := key.N.BitLen(); n != transportBits {
			return nil, fmt.Errorf("%w: a transport key has %d bits, but my.rsa on phones takes %d", ErrFormat, n, transportBits)
		}
		spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("keys: transport key: %w", err)
		}
		digest := sha256.Sum256(spki)
		kid := hex.EncodeToString(digest[:8])
		if seen[kid] {
			return nil, fmt.Errorf("%w (transport key)", ErrDuplicate)
		}
		seen[kid] = true
		t.keys = append(t.keys, transportKey{key, kid, base64.StdEncoding.EncodeToString(spki)})
	}
	return t, nil
}

// Current returns the key with which front ends encrypt. public is its SubjectPublicKeyInfo
// in base64, and kid the first 16 hexadecimal digits of the SHA-256 of that structure.
func (t *Transport) Current() (kid, public string) { return t.keys[0].kid, t.keys[0].public }

// Open decrypts sealed with the key kid and label, or returns ErrTransport. An unknown kid,
// a wrong length and a wrong label take the same time: one RSA operation each.
func (t *Transport) Open(kid string, label, sealed []byte) ([]byte, error) {
	key, known := t.keys[0], false
	for _, k := range t.keys {
		if k.kid == kid {
			key, known = k, true
		}
	}
	if size := key.private.Size(); len(sealed) != size {
		sealed, known = make([]byte, size), false
	}
	plain, err := key.private.Decrypt(nil, sealed, &rsa.OAEPOptions{Hash: crypto.SHA256, Label: label})
	if err != nil || !known {
		clear(plain)
		return nil, ErrTransport
	}
	return plain, nil
}

// Holds reports whether pub belongs to one of the keys, so that the caller can reject a key
// that has another purpose, too.
func (t *Transport) Holds(pub crypto.PublicKey) bool {
	for _, k := range t.keys {
		if k.private.PublicKey.Equal(pub) {
			return true
		}
	}
	return false
}
