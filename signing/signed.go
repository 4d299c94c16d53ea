package signing

import (
	"fmt"

	"fundpass/keys"
)

// verifySignature returns the key of keyring that signed f under rule.
//
// Without alipay_cert_sn the message does not name its key, so every key is tried.
// With it, only the certificate that it names is tried. Alipay's SDKs disagree on
// whether alipay_cert_sn is part of the signed text, so the text is verified with and
// without it. This is safe because no reader of a message uses alipay_cert_sn for
// anything else. Errors: ErrBadSignature, ErrUnknownSN.
func (f *form) verifySignature(keyring *keys.AlipayKeyring, rule Rule) (keys.AlipayKey, error) {
	forSign, forText := f.scratch[:0:512], f.scratch[512:512]
	encoded, _ := f.get("sign")
	signature, err := appendSignature(forSign, encoded)
	if err != nil {
		return keys.AlipayKey{}, fmt.Errorf("%w: sign is not base64", ErrBadSignature)
	}
	sn, named := f.get("alipay_cert_sn")
	if !named {
		return findSigner(keyring.AlipayKeys(), rule.text(forText, f.params(), true), signature)
	}
	key, err := keyring.AlipayKey(sn)
	if err != nil {
		return keys.AlipayKey{}, ErrUnknownSN
	}
	for _, withSN := range []bool{true, false} {
		if verify(key.Public, rule.text(forText, f.params(), withSN), signature) == nil {
			return key, nil
		}
	}
	return keys.AlipayKey{}, ErrBadSignature
}

// findSigner returns the first of trusted that signed text, or ErrBadSignature.
func findSigner(trusted []keys.AlipayKey, text, signature []byte) (keys.AlipayKey, error) {
	for _, key := range trusted {
		if verify(key.Public, text, signature) == nil {
			return key, nil
		}
	}
	return keys.AlipayKey{}, ErrBadSignature
}
