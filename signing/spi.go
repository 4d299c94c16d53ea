package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"fundpass/keys"
)

// spiWindow is the maximum difference between utc_timestamp and the clock.
const spiWindow = 10 * time.Minute

// An SPICall is a verified call that Alipay makes to a service of the application.
type SPICall struct {
	Method string
	// Params are the parameters of Method in UTF-8, without those of the protocol and
	// without empty ones. Alipay may add parameters at any time, so a handler must ignore
	// those it does not know. The signed text escapes nothing, so an optional parameter
	// may have been split off from the free text of another one; a handler must base its
	// decision on parameters that its method always has.
	Params map[string]string
	At     time.Time
	// Digest is the SHA-256 of the signed text, the same for every repetition of a call.
	// The caller must detect replays within the window of 10 minutes.
	Digest    [sha256.Size]byte
	KeySource string // the file of the key that verified the signature
}

// SPIRefused is the response to a call that VerifySPI rejects, an argument for
// SignSPIAnswer. Source: Alipay open platform, "SPI: error codes".
const SPIRefused = `{"code":"40004","msg":"Business Failed","sub_code":"ISV-VERIFICATION-FAILED","sub_msg":"验签失败"}`

// VerifySPI verifies and parses the SPI call r: a GET with its parameters in the query,
// or a POST of a form of at most 64 KiB, whose query is ignored. A key of keyring must
// have signed it, and utc_timestamp must be within 10 minutes of now.
//
// Errors: those of VerifyNotification, and ErrStale. Their texts do not quote r.
func VerifySPI(keyring *keys.AlipayKeyring, r *http.Request, now time.Time) (SPICall, error) {
	raw, err := spiForm(r)
	if err != nil {
		return SPICall{}, err
	}
	var f form
	if err := f.parse(raw); err != nil {
		return SPICall{}, err
	}
	c, err := f.spiCall(keyring)
	if err != nil {
		return SPICall{}, err
	}
	if now.Sub(c.At).Abs() > spiWindow {
		return SPICall{}, fmt.Errorf("%w: utc_timestamp differs by more than 10 minutes", ErrStale)
	}
	return c, nil
}

func spiForm(r *http.Request) ([]byte, error) {
	switch {
	case r.Method == http.MethodGet:
		return []byte(r.URL.RawQuery), nil
	case r.Method != http.MethodPost || !isForm(r.Header.Get("Content-Type")):
		return nil, fmt.Errorf("%w: request is neither GET nor a POST of a form", ErrMalformed)
	case r.ContentLength > maxForm:
		return nil, fmt.Errorf("%w: body is larger than 64 KiB", ErrMalformed)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return nil, fmt.Errorf("%w: body could not be read", ErrMalformed)
	}
	return body, nil
}

// isSPI reports whether f has the parameters of an SPI call.
func (f *form) isSPI() bool {
	_, method := f.get("method")
	_, stamp := f.get("utc_timestamp")
	_, kind := f.get("notify_type")
	_, message := f.get("msg_method")
	_, service := f.get("service")
	return method && stamp && !kind && !message && !service
}

// spiCall verifies everything except the time. If the signature does not match, it tries
// again without the parameters that have empty values; see dropEmpty.
func (f *form) spiCall(keyring *keys.AlipayKeyring) (SPICall, error) {
	c, err := f.verifiedSPI(keyring)
	if errors.Is(err, ErrBadSignature) && f.dropEmpty() {
		if again, err := f.verifiedSPI(keyring); err == nil {
			return again, nil
		}
	}
	return c, err
}

func (f *form) verifiedSPI(keyring *keys.AlipayKeyring) (SPICall, error) {
	if err := f.checkSign(); err != nil {
		return SPICall{}, err
	}
	if !f.isSPI() {
		return SPICall{}, ErrUnknownFamily
	}
	if err := f.checkApp(keyring, FamilySPI); err != nil {
		return SPICall{}, err
	}
	key, err := f.verifySignature(keyring, FamilySPI.rule())
	if err != nil {
		return SPICall{}, err
	}
	return f.readSPI(key)
}

// protocolNames are the parameters of the SPI protocol itself.
var protocolNames = map[string]bool{
	"alipay_cert_sn": true, "app_id": true, "biz_app_id": true, "charset": true, "invoke_app_id": true,
	"merchant_app_id": true, "method": true, "sign": true, "sign_type": true, "utc_timestamp": true, "version": true,
}

// readSPI builds the SPICall of f, whose signature has been verified.
func (f *form) readSPI(key keys.AlipayKey) (SPICall, error) {
	label, _ := f.get("charset")
	charset, known := knownCharset(label)
	stamp, _ := f.get("utc_timestamp")
	seconds, ok := decimal(stamp, 11)
	c := SPICall{Method: f.method(FamilySPI), At: time.Unix(seconds, 0), KeySource: key.Source}
	if !known || !ok || !isIdentifier(c.Method) {
		return SPICall{}, fmt.Errorf("%w: charset, method or utc_timestamp (seconds)", ErrMalformed)
	}
	c.Digest = sha256.Sum256(FamilySPI.rule().text(nil, f.params(), false))
	c.Params = make(map[string]string, f.n)
	for _, p := range f.params() {
		if protocolNames[p.name] || p.value == "" {
			continue
		}
		value, ok := toUTF8(p.value, charset)
		document := p.name == "biz_content"
		if !ok || document && !isObject(value) || !document && embedsParam(p.value, nil) { // any name, because each method has its own
			return SPICall{}, fmt.Errorf("%w: value of %s", ErrMalformed, redactName(p.name))
		}
		c.Params[p.name] = string(value)
	}
	return c, nil
}

// SignSPIAnswer returns the body that answers an SPI call, Content-Type
// application/json:
//
//	{"response":<response>,"app_cert_sn":"..","sign":".."}
//
// with app_cert_sn in certificate mode only. The signature covers the bytes of response.
// SignSPIAnswer does not use encoding/json, which would encode them differently. It
// returns ErrMalformed if response is not a JSON object, ErrKey, or the error of the signer.
func SignSPIAnswer(keyring *keys.AlipayKeyring, response json.RawMessage) ([]byte, error) {
	response = bytes.TrimSpace(response)
	if !isObject(response) {
		return nil, fmt.Errorf("%w: response is not a JSON object", ErrMalformed)
	}
	signature, err := Sign(keyring.Signer(), string(response))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`{"response":`)
	b.Write(response)
	if sn := keyring.AppCertSN(); sn != "" {
		b.WriteString(`,"app_cert_sn":"` + sn + `"`)
	}
	b.WriteString(`,"sign":"` + signature + `"}`)
	return b.Bytes(), nil
}
