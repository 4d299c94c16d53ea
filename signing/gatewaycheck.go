package signing

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"fundpass/keys"
)

// MethodGatewayCheck is the Method of the message by which Alipay's console finds out
// whether a gateway URL is this application's ("activate developer mode").
const MethodGatewayCheck = "alipay.service.check"

// IsGatewayCheck says whether body asks for a gateway check, and in which charset the
// answer goes, verified or not: Alipay wants even a refusal as a signed document.
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

// SignGatewayCheckAnswer returns the XML document to answer a gateway check with,
// Content-Type "text/xml;charset=" and charset, which is Notification.Charset. It
// carries the application's public key; ok says whether the question was Alipay's.
//
// What is signed is everything between <response> and </response>, byte for byte. It
// is ASCII, the same bytes in UTF-8 and GBK. The answer depends on nothing but the
// arguments and may be kept. Fails with ErrKey or what the signer reports.
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
	if spelt, known := knownCharset(charset); known {
		charset = spelt
	} else {
		charset = "UTF-8" // a stranger's text does not get into the document
	}
	return []byte(`<?xml version="1.0" encoding="` + charset + `"?><alipay><response>` + response +
		`</response><sign>` + signature + `</sign><sign_type>RSA2</sign_type></alipay>`), nil
}
