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

// A signatureInfo is what a public key recovers from a signature: that its private key
// made the signature, and of which digest. It serves diagnosis only; verification uses
// rsa.VerifyPKCS1v15.
type signatureInfo struct {
	key    keys.AlipayKey
	own    bool   // key is the application's own
	digest []byte // SHA-256, or SHA-1 if it has 20 bytes
	repair string // the corruption of sign that was undone, "" if none
}

// DER prefixes of the digests (RFC 8017, section 9.2, note 1).
var (
	infoSHA256, _ = hex.DecodeString("3031300d060960864801650304020105000420")
	infoSHA1, _   = hex.DecodeString("3021300906052b0e03021a05000414")
)

// recoverDigest returns the digest that signature was made of, or nil if the private key
// of key did not make it.
func recoverDigest(key *rsa.PublicKey, signature []byte) []byte {
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

// signRepairs undo the known corruptions of a sign parameter.
var signRepairs = []struct {
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

// inspectSignature finds the key that made sign: one of Alipay's keys in keyring or the
// application's own. It returns false if none did.
func inspectSignature(keyring *keys.AlipayKeyring, sign string) (signatureInfo, bool) {
	candidates := make([]signatureInfo, 0, 4)
	for _, key := range keyring.AlipayKeys() {
		candidates = append(candidates, signatureInfo{key: key})
	}
	if own, ok := keyring.Signer().Public().(*rsa.PublicKey); ok {
		candidates = append(candidates, signatureInfo{key: keys.AlipayKey{Public: own}, own: true})
	}
	for _, r := range signRepairs {
		signature, err := decodeSignature(r.undo(sign))
		if err != nil {
			continue
		}
		for _, t := range candidates {
			if t.digest = recoverDigest(t.key.Public, signature); t.digest != nil {
				t.repair = r.what
				return t, true
			}
		}
	}
	return signatureInfo{}, false
}

func (info signatureInfo) sha1() bool { return len(info.digest) != sha256.Size }

// matches reports whether the signature is over text.
func (info signatureInfo) matches(text []byte) bool {
	sum := sha256.Sum256(text)
	return bytes.Equal(sum[:], info.digest)
}
