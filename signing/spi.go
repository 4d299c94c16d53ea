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

// spiWindow is how long a call of Alipay's may be under way, and how far the clocks
// may be apart.
const spiWindow = 10 * time.Minute

// An SPICall is a call that Alipay makes of a service of ours.
type SPICall struct {
	Method string
	// Params are the parameters of Method itself, in UTF-8, without those of the
	// protocol and without empty ones. Alipay may add some at any time: a handler reads
	// those it knows and leaves the rest alone. The signed text escapes nothing, so that
	// what looks like an optional parameter may be the end of free text in another: a
	// handler decides by parameters that its method always has.
	Params map[string]string
	At     time.Time
	// Digest is the same for every repetition of the very same call. Inside the window
	// of 10 minutes a replay is the caller's to see.
	Digest    [sha256.Size]byte
	KeySource string // the file of the key that signed
}

// SPIRefused is the response to a call that VerifySPI refuses, for SignSPIAnswer to
// sign like any other. Source: Alipay open platform, "SPI: error codes".
const SPIRefused = `{"code":"40004","msg":"Business Failed","sub_code":"ISV-VERIFICATION-FAILED","sub_msg":"验签失败"}`

// VerifySPI returns the call that r is: a GET with its parameters in the query or a
// POST with a form of at most 64 KiB, whose query is ignored. It was signed by one of
// keyring's keys within 10 minutes of now.
//
// Errors: those of VerifyNotification, and ErrStale. None quotes the request.
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
		return SPICall{}, fmt.Errorf("%w: utc_timestamp is over 10 minutes away", ErrStale)
	}
	return c, nil
}

func spiForm(r *http.Request) ([]byte, error) {
	switch {
	case r.Method == http.MethodGet:
		return []byte(r.URL.RawQuery), nil
	case r.Method != http.MethodPost || !isForm(r.Header.Get("Content-Type")):
		return nil, fmt.Errorf("%w: neither GET nor a POST of a form", ErrMalformed)
	case r.ContentLength > maxForm:
		return nil, fmt.Errorf("%w: body over 64 KiB", ErrMalformed)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return nil, fmt.Errorf("%w: body could not be read", ErrMalformed)
	}
	return body, nil
}

// isSPI tells a call from a notification.
func (f *form) isSPI() bool {
	_, method := f.get("method")
	_, stamp := f.get("utc_timestamp")
	_, kind := f.get("notify_type")
	_, message := f.get("msg_method")
	_, service := f.get("service")
	return method && stamp && !kind && !message && !service
}

// spiCall verifies all of the call but its time, as it came or else without its empty
// values.
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
	key, err := f.signedBy(keyring, FamilySPI.rule())
	if err != nil {
		return SPICall{}, err
	}
	return f.readSPI(key)
}

// protocolNames are the parameters every SPI call has or may have.
var protocolNames = map[string]bool{
	"alipay_cert_sn": true, "app_id": true, "biz_app_id": true, "charset": true, "invoke_app_id": true,
	"merchant_app_id": true, "method": true, "sign": true, "sign_type": true, "utc_timestamp": true, "version": true,
}

// readSPI reads a form whose signature is right.
func (f *form) readSPI(key keys.AlipayKey) (SPICall, error) {
	label, _ := f.get("charset")
	charset, known := knownCharset(label)
	stamp, _ := f.get("utc_timestamp")
	seconds, ok := decimal(stamp, 11)
	c := SPICall{Method: f.method(FamilySPI), At: time.Unix(seconds, 0), KeySource: key.Source}
	if !known || !ok || !opaqueName(c.Method) {
		return SPICall{}, fmt.Errorf("%w: charset, method or utc_timestamp in seconds", ErrMalformed)
	}
	c.Digest = sha256.Sum256(FamilySPI.rule().text(nil, f.params(), false))
	c.Params = make(map[string]string, f.n)
	for _, p := range f.params() {
		if protocolNames[p.name] || p.value == "" {
			continue
		}
		value, ok := toUTF8(p.value, charset)
		document := p.name == "biz_content"
		if !ok || document && !isObject(value) || !document && glued(p.value, nil) { // names are the method's own
			return SPICall{}, fmt.Errorf("%w: value of %s", ErrMalformed, shownName(p.name))
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
// with app_cert_sn in certificate mode only. What is signed are the very bytes of
// response: the document is written by hand because encoding/json would write them
// anew. Fails with ErrMalformed when response is not one JSON object, with ErrKey or
// what the signer reports.
func SignSPIAnswer(keyring *keys.AlipayKeyring, response json.RawMessage) ([]byte, error) {
	response = bytes.TrimSpace(response)
	if !isObject(response) {
		return nil, fmt.Errorf("%w: answer is not a JSON object", ErrMalformed)
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
