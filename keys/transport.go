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

// ErrTransport says that a text sealed for the server does not open. There is
// one error for every reason: an oracle must not be told apart.
var ErrTransport = errors.New("keys: sealed text does not open")

// maxTransport is how many transport keys may live at once: the one handed out
// and those that pages opened a moment ago still use.
const maxTransport = 4

// A Transport holds the RSA keys for which a page seals a password (RSA-OAEP,
// SHA-256, RFC 8017), so that it is unreadable where TLS ends before the
// server. It is immutable and safe for concurrent use.
type Transport struct{ keys []transportKey }

type transportKey struct {
	private *rsa.PrivateKey
	kid     string
	public  string
}

// NewTransport takes the keys in the order configured: the first is handed
// out, every one opens. Errors: ErrIncomplete, ErrWeak, ErrFormat, ErrDuplicate.
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

// Current returns the key that pages seal with from now on: its id, the first
// 16 hexadecimal digits of the SHA-256 of its SubjectPublicKeyInfo, and that
// structure in base64.
func (t *Transport) Current() (kid, public string) { return t.keys[0].kid, t.keys[0].public }

// Open opens what was sealed for the key kid under label. An unknown key, a
// wrong length and a wrong label cost the same RSA operation. Error: ErrTransport.
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

// Holds reports whether pub is one of the keys: no key has two purposes.
func (t *Transport) Holds(pub crypto.PublicKey) bool {
	for _, k := range t.keys {
		if k.private.PublicKey.Equal(pub) {
			return true
		}
	}
	return false
}
