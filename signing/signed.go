package signing

import (
	"fmt"

	"fundpass/keys"
)

// signedBy returns which of keyring's keys signed f under rule.
//
// Without alipay_cert_sn nothing says which key it was, so all are tried. With it,
// only the certificate it names is; whether the parameter itself belongs to the text
// Alipay's SDKs do not agree, so both are tried under that one key. Adding or
// dropping it changes nothing of what the message says.
func (f *form) signedBy(keyring *keys.AlipayKeyring, rule Rule) (keys.AlipayKey, error) {
	forSign, forText := f.scratch[:0:512], f.scratch[512:512]
	sign, _ := f.get("sign")
	signature, err := appendSignature(forSign, sign)
	if err != nil {
		return keys.AlipayKey{}, fmt.Errorf("%w: sign is not base64", ErrBadSignature)
	}
	sn, named := f.get("alipay_cert_sn")
	if !named {
		return whoSigned(keyring.AlipayKeys(), rule.text(forText, f.params(), true), signature)
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

// whoSigned tries the keys in their order.
func whoSigned(trusted []keys.AlipayKey, text, signature []byte) (keys.AlipayKey, error) {
	for _, key := range trusted {
		if verify(key.Public, text, signature) == nil {
			return key, nil
		}
	}
	return keys.AlipayKey{}, ErrBadSignature
}
