package signing

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"fundpass/keys"
)

// MethodGatewayCheck is the Method of the message by which Alipay's console checks that
// a gateway URL belongs to the application ("activate developer mode").
const MethodGatewayCheck = "alipay.service.check"

// IsGatewayCheck reports whether body is a gateway check, and returns the charset of its
// answer, "UTF-8" or "GBK". It does not verify body, because a check whose signature is
// invalid must be answered with a signed document, too.
func IsGatewayCheck(body []byte) (charset string, ok bool) {
	var f form
	if f.parse(body) != nil {
		return "", false
	}
	service, _ := f.get("service")
	label, _ := f.get("charset")
	charset, known := knownCharset(label)
	return charset, known && service == MethodGatewayCheck
}

// SignGatewayCheckAnswer returns the XML document that answers a gateway check. It
// contains the application's public key; ok says whether the check was verified. charset
// is Notification.Charset, and the Content-Type is "text/xml;charset=" + charset.
//
// The signature covers the bytes between <response> and </response>. The document is
// ASCII, so it is the same in UTF-8 and GBK. It depends on the arguments only and may be
// cached. SignGatewayCheckAnswer returns ErrKey or the error of the signer.
func SignGatewayCheckAnswer(keyring *keys.AlipayKeyring, ok bool, charset string) ([]byte, error) {
	public, err := x509.MarshalPKIXPublicKey(keyring.Signer().Public())
	if err != nil {
		return nil, fmt.Errorf("signing: gateway check: %w", err)
	}
	verdict := "<success>true</success>"
	if !ok {
		verdict = "<success>false</success><error_code>VERIFY_FAILED</error_code>"
	}
	response := verdict + "<biz_content>" + base64.StdEncoding.EncodeToString(public) + "</biz_content>"
	signature, err := Sign(keyring.Signer(), response)
	if err != nil {
		return nil, err
	}
	if name, known := knownCharset(charset); known {
		charset = name
	} else {
		charset = "UTF-8" // an unknown charset must not be quoted in the document
	}
	return []byte(`<?xml version="1.0" encoding="` + charset + `"?><alipay><response>` + response +
		`</response><sign>` + signature + `</sign><sign_type>RSA2</sign_type></alipay>`), nil
}
