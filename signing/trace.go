package signing

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"net/url"
	"strings"

	"fundpass/keys"
)

// A trace is what a signature says about itself under a public key: that the key's
// owner made it, and of which digest, whatever text came with it. It is for finding
// out what went wrong, never for trusting: that is rsa.VerifyPKCS1v15's to say.
type trace struct {
	key    keys.AlipayKey
	own    bool   // key is the application's own
	digest []byte // SHA-256, or SHA-1 of 20 bytes
	spelt  string // how sign had to be read, "" = as it is
}

// What stands before a digest in a signature (RFC 8017, 9.2, note 1).
var (
	infoSHA256, _ = hex.DecodeString("3031300d060960864801650304020105000420")
	infoSHA1, _   = hex.DecodeString("3021300906052b0e03021a05000414")
)

// digestUnder returns the digest that signature was made of, nil when key did not make it.
func digestUnder(key *rsa.PublicKey, signature []byte) []byte {
	s := new(big.Int).SetBytes(signature)
	if len(signature) != key.Size() || s.Cmp(key.N) >= 0 {
		return nil
	}
	padded := s.Exp(s, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	for _, info := range [][]byte{infoSHA256, infoSHA1} {
		size := int(info[len(info)-1])
		head := len(padded) - size - len(info)
		want := append([]byte{0, 1}, bytes.Repeat([]byte{0xFF}, head-3)...)
		want = append(append(want, 0), info...)
		if digest, ok := bytes.CutPrefix(padded, want); ok {
			return digest
		}
	}
	return nil
}

// signSpellings undo the known corruptions of a sign parameter.
var signSpellings = []struct {
	what string
	undo func(string) string
}{
	{"", func(s string) string { return s }},
	{"'+' became a blank in sign (URL-decoded once too often, or sent without escaping)",
		func(s string) string { return strings.ReplaceAll(s, " ", "+") }},
	{"sign is URL-encoded twice", func(s string) string { s, _ = url.QueryUnescape(s); return s }},
	{"sign has blanks or line breaks in it", func(s string) string { return strings.Join(strings.Fields(s), "") }},
	{"sign is in the URL alphabet of base64", strings.NewReplacer("-", "+", "_", "/").Replace},
	{"sign lost its '=' at the end", func(s string) string { return s + strings.Repeat("=", -len(s)&3) }},
}

// traceSign finds out whose signature sign is: of one of keyring's keys or of the
// application's own.
func traceSign(keyring *keys.AlipayKeyring, sign string) (trace, bool) {
	candidates := make([]trace, 0, 4)
	for _, key := range keyring.AlipayKeys() {
		candidates = append(candidates, trace{key: key})
	}
	if own, ok := keyring.Signer().Public().(*rsa.PublicKey); ok {
		candidates = append(candidates, trace{key: keys.AlipayKey{Public: own}, own: true})
	}
	for _, spelling := range signSpellings {
		signature, err := decodeSignature(spelling.undo(sign))
		if err != nil {
			continue
		}
		for _, t := range candidates {
			if t.digest = digestUnder(t.key.Public, signature); t.digest != nil {
				t.spelt = spelling.what
				return t, true
			}
		}
	}
	return trace{}, false
}

func (t trace) sha1() bool { return len(t.digest) != sha256.Size }

// made says whether the signature is of text.
func (t trace) made(text []byte) bool {
	sum := sha256.Sum256(text)
	return bytes.Equal(sum[:], t.digest)
}
