package signing

import (
	"bytes"
	"fmt"
	"net/url"

	"github.com/smartwalle/nsign"

	"fundpass/keys"
)

// newSDKSigner lets the SDK sign with the application's key and with our canonical
// text: its own sorts pairs instead of keys.
func newSDKSigner(keyring *keys.AlipayKeyring) nsign.Signer {
	return nsign.New(nsign.WithMethod(sdkMethod{keyring}), nsign.WithEncoder(sdkEncoder{}))
}

// sdkMethod is RSA2 as nsign.Method.
type sdkMethod struct{ keyring *keys.AlipayKeyring }

// Sign implements nsign.Method.
func (m sdkMethod) Sign(text []byte) ([]byte, error) {
	signature, err := sign(m.keyring.Signer(), text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	return signature, nil
}

// Verify implements nsign.Method.
func (m sdkMethod) Verify(text, signature []byte) error {
	return verifyAny(m.keyring.AlipayKeys(), text, signature)
}

// sdkEncoder is Canonical as nsign.Encoder.
type sdkEncoder struct{}

// EncodeValues implements nsign.Encoder.
func (sdkEncoder) EncodeValues(b *bytes.Buffer, params url.Values, _ *nsign.SignOptions) ([]byte, error) {
	text, err := Canonical(params, Request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	b.WriteString(text)
	return b.Bytes(), nil
}

// EncodeBytes implements nsign.Encoder.
func (sdkEncoder) EncodeBytes(_ *bytes.Buffer, data []byte, _ *nsign.SignOptions) ([]byte, error) {
	return data, nil
}

// sdkVerifier lets the SDK repeat the check on the answer it was given: were the
// transport ever left out, nothing would get through unverified.
type sdkVerifier struct{ keyring *keys.AlipayKeyring }

// VerifyValues implements alipay.Verifier. Notifications are not the SDK's to verify.
func (sdkVerifier) VerifyValues(url.Values, []byte, ...nsign.SignOption) error {
	return ErrSignature
}

// VerifyBytes implements alipay.Verifier.
func (v sdkVerifier) VerifyBytes(text, signature []byte, _ ...nsign.SignOption) error {
	return verifyAny(v.keyring.AlipayKeys(), text, signature)
}
