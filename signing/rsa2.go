package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

var (
	// ErrSignature says that a text is not signed by the key it should be signed by.
	ErrSignature = errors.New("signing: bad signature")
	// ErrDuplicateKey says that a parameter is given twice: which of the two was signed is anybody's guess.
	ErrDuplicateKey = errors.New("signing: parameter given twice")
	// ErrKey says that a key is not RSA or is shorter than the 2048 bits RSA2 asks for.
	ErrKey = errors.New("signing: key is not RSA of 2048 bits or more")
)

const minKeyBits = 2048

// A Rule says which parameters belong to the text that is signed. Alipay's own
// documents describe three of them; a message that verifies under one rule fails
// under the others.
type Rule int

const (
	// Request is how an application signs what it sends to gateway.do: sign and
	// empty values are left out, sign_type stays.
	Request Rule = iota
	// NotifyV1 is how Alipay signs most of what it posts (notify_url, From-Ant
	// messages 1.1, SPI): sign and sign_type are left out, empty values stay.
	NotifyV1
	// NotifyV2 is how Alipay signs service-market events and gateway checks: only
	// sign is left out.
	NotifyV2
)

// Canonical returns the text that is signed: key=value pairs sorted by key (not by
// pair: "img" comes before "img1" although '=' sorts after '1'), joined with '&',
// values as they are, neither trimmed nor URL-encoded.
//
// The text is not injective, a value may contain '&' and '=': a caller who verifies
// must still check the shape of each value it uses. ErrDuplicateKey names the key.
func Canonical(params url.Values, rule Rule) (string, error) {
	sorted := make([]param, 0, len(params))
	for _, key := range slices.Sorted(maps.Keys(params)) {
		switch values := params[key]; len(values) {
		case 0:
		case 1:
			sorted = append(sorted, param{key, values[0]})
		default:
			return "", fmt.Errorf("%w: %.40q", ErrDuplicateKey, key)
		}
	}
	return string(rule.text(nil, sorted, true)), nil
}

// text appends to dst the text that r signs of params, which are sorted by name.
// Whether alipay_cert_sn belongs to it Alipay's SDKs do not agree: withSN says.
func (r Rule) text(dst []byte, params []param, withSN bool) []byte {
	start := len(dst)
	for _, p := range params {
		if !withSN && p.name == "alipay_cert_sn" || !r.signs(p.name, p.value) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, '&')
		}
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}

func (r Rule) signs(key, value string) bool {
	switch {
	case key == "sign":
		return false
	case r == Request:
		return value != ""
	case r == NotifyV1:
		return key != "sign_type"
	}
	return true
}

// Sign returns the RSA2 signature of text in standard base64. RSA2 is Alipay's name
// for SHA256withRSA with PKCS#1 v1.5 padding (RFC 8017, 8.2). It fails with ErrKey
// or with what the signer, which may be a KMS or an HSM, reports.
func Sign(signer crypto.Signer, text string) (string, error) {
	signature, err := sign(signer, []byte(text))
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

func sign(signer crypto.Signer, text []byte) ([]byte, error) {
	key, ok := signer.Public().(*rsa.PublicKey)
	if !ok || key.N.BitLen() < minKeyBits {
		return nil, ErrKey
	}
	sum := sha256.Sum256(text)
	signature, err := signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing: sign: %w", err)
	}
	return signature, nil
}

// Verify returns nil when signature is the RSA2 signature of text under key, and
// ErrSignature or ErrKey otherwise.
//
// The algorithm is pinned, whatever a message's sign_type says, so nobody can talk
// us down to SHA-1. The base64 must be the one canonical spelling: no line breaks,
// no blanks, no stray bits, so that one signature has one text.
func Verify(key *rsa.PublicKey, text, signature string) error {
	raw, err := decodeSignature(signature)
	if err != nil {
		return err
	}
	return verify(key, []byte(text), raw)
}

func verify(key *rsa.PublicKey, text, signature []byte) error {
	if key == nil || key.N.BitLen() < minKeyBits {
		return ErrKey
	}
	sum := sha256.Sum256(text)
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return ErrSignature
	}
	return nil
}

// strictBase64 refuses stray bits behind the last byte.
var strictBase64 = base64.StdEncoding.Strict()

func decodeSignature(signature string) ([]byte, error) {
	return appendSignature(nil, signature)
}

// appendSignature decodes to the end of dst, which callers in a hurry keep on the
// stack.
func appendSignature(dst []byte, signature string) ([]byte, error) {
	if strings.ContainsAny(signature, "\r\n") { // the decoder would skip them
		return nil, ErrSignature
	}
	var text [512]byte // a signature of 2048 bits has 344 characters: no garbage for it
	raw, err := strictBase64.AppendDecode(dst, append(text[:0], signature...))
	if err != nil {
		return nil, ErrSignature
	}
	return raw, nil
}
