package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// NonceLife is how long a nonce is the newest one. It is accepted for the same time again, so
// that a request under way succeeds when the nonce changes.
const NonceLife = 5 * time.Minute

// Nonces makes and checks the nonces of RFC 9449, section 8. A nonce is the HMAC of a period of
// time, so that servers that share the key need no other state. A proof can therefore not be
// made long before it is used, as by someone who has the key for a moment only.
type Nonces struct{ key []byte }

// NewNonces returns the nonces of a key, which must be secret.
func NewNonces(key []byte) *Nonces { return &Nonces{key} }

// Current returns the newest nonce.
func (n *Nonces) Current(now time.Time) string { return n.of(period(now)) }

// Valid reports whether a nonce is that of this period, of the last one, or of the next one,
// which another server's clock may have reached.
func (n *Nonces) Valid(nonce string, now time.Time) bool {
	p := period(now)
	for _, q := range []int64{p, p - 1, p + 1} {
		if hmac.Equal([]byte(nonce), []byte(n.of(q))) {
			return true
		}
	}
	return false
}

func period(t time.Time) int64 { return t.Unix() / int64(NonceLife.Seconds()) }

func (n *Nonces) of(period int64) string {
	mac := hmac.New(sha256.New, n.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(period)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}
