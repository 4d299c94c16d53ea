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
	// ErrSignature means that a signature is not valid for the text and the key.
	ErrSignature = errors.New("signing: bad signature")
	// ErrDuplicateKey means that a parameter occurs twice, so it is unknown which of the
	// two values was signed.
	ErrDuplicateKey = errors.New("signing: duplicate parameter")
	// ErrKey means that a key is not RSA or is shorter than the 2048 bits that RSA2
	// requires; for a content key, that it does not have 16 bytes.
	ErrKey = errors.New("signing: key is not RSA of 2048 bits or more")
)

const minKeyBits = 2048

// A Rule defines which parameters are part of the signed text. Alipay documents three
// rules; a message that verifies under one of them does not verify under the others.
type Rule int

const (
	// Request is the rule for requests to gateway.do: all parameters except sign and
	// those with empty values.
	Request Rule = iota
	// NotifyV1 is the rule for notify_url notifications, From-Ant messages 1.1 and SPI
	// calls: all parameters except sign and sign_type, including empty values.
	NotifyV1
	// NotifyV2 is the rule for service-market events and gateway checks: all
	// parameters except sign.
	NotifyV2
)

// Canonical returns the text that is signed under rule: key=value pairs joined with
// '&', the values neither trimmed nor URL-encoded. The pairs are sorted by key, not as
// strings: "img" comes before "img1" although '=' sorts after '1'.
//
// The text is ambiguous because values may contain '&' and '='. A caller that verifies
// a signature must still check each value it uses. Canonical returns ErrDuplicateKey,
// with the key, if a key has more than one value.
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

// text appends to dst the text that is signed of params, which must be sorted by name.
// withSN says whether alipay_cert_sn is part of it; Alipay's SDKs disagree.
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
// for SHA256withRSA with PKCS#1 v1.5 padding (RFC 8017, section 8.2). It returns ErrKey,
// or the error of the signer, which may be a KMS or an HSM.
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

// Verify verifies signature, in standard base64, as the RSA2 signature of text by key.
// It returns nil, ErrSignature or ErrKey.
//
// The algorithm is fixed: sign_type cannot downgrade it to SHA-1. The base64 must be
// canonical, without line breaks, blanks or trailing bits, so that a signature has only
// one encoding.
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

// strictBase64 rejects trailing bits that are not zero.
var strictBase64 = base64.StdEncoding.Strict()

func decodeSignature(signature string) ([]byte, error) {
	return appendSignature(nil, signature)
}

// appendSignature appends the decoded signature to dst, which callers can keep on the
// stack.
func appendSignature(dst []byte, signature string) ([]byte, error) {
	if strings.ContainsAny(signature, "\r\n") { // the decoder would skip them
		return nil, ErrSignature
	}
	var text [512]byte // a 2048-bit signature has 344 characters; avoids an allocation
	raw, err := strictBase64.AppendDecode(dst, append(text[:0], signature...))
	if err != nil {
		return nil, ErrSignature
	}
	return raw, nil
}
