package signing

import (
	"bytes"
	"fmt"
	"net/url"

	"github.com/smartwalle/nsign"

	"fundpass/keys"
)

// newSDKSigner returns an SDK signer that uses the application's key and Canonical. The
// SDK's own encoder sorts key=value pairs instead of keys.
func newSDKSigner(keyring *keys.AlipayKeyring) nsign.Signer {
	return nsign.New(nsign.WithMethod(sdkMethod{keyring}), nsign.WithEncoder(sdkEncoder{}))
}

// sdkMethod implements nsign.Method with RSA2.
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

// sdkEncoder implements nsign.Encoder with Canonical.
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

// sdkVerifier is the verifier that the SDK calls for each response. checkedTransport has
// verified it already; this is a second check in case the transport is replaced.
type sdkVerifier struct{ keyring *keys.AlipayKeyring }

// VerifyValues implements alipay.Verifier. It rejects everything, because notifications
// are verified by VerifyNotification and not by the SDK.
func (sdkVerifier) VerifyValues(url.Values, []byte, ...nsign.SignOption) error {
	return ErrSignature
}

// VerifyBytes implements alipay.Verifier.
func (v sdkVerifier) VerifyBytes(text, signature []byte, _ ...nsign.SignOption) error {
	return verifyAny(v.keyring.AlipayKeys(), text, signature)
}
