package httpapi_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/smartwalle/alipay/v3"

	"fundpass/keys"
	"fundpass/keys/calendar"
	"fundpass/signing"
)

const callbackApp = "2021000000000001"

// A callback is a notification with 20 parameters, sign and sign_type, and the keys to verify
// it.
type callback struct {
	body        string
	own, alipay *rsa.PrivateKey
}

func newCallback(b *testing.B) callback {
	b.Helper()
	var c callback
	var err error
	for _, key := range []**rsa.PrivateKey{&c.own, &c.alipay} {
		*key, err = rsa.GenerateKey(rand.Reader, 2048)
		must(b, err)
	}
	form := url.Values{
		"app_id": {callbackApp}, "notify_id": {"2026010200222030405000000000001"},
		"notify_time": {time.Now().In(calendar.Beijing).Format(time.DateTime)}, "notify_type": {"trade_status_sync"},
		"charset": {"utf-8"}, "version": {"1.0"}, "body": {""}, "subject": {"公积金 a+b & c=d 100%"},
		"fund_bill_list": {`[{"amount":"0.01","fundChannel":"PCREDIT"}]`},
	}
	for i := range 11 {
		form.Set("trade_parameter_"+string(rune('a'+i)), fmt.Sprintf("value number %d/2026-01-02", i))
	}
	text, err := signing.Canonical(form, signing.NotifyV1)
	must(b, err)
	signature, err := signing.Sign(c.alipay, text)
	must(b, err)
	form.Set("sign", signature)
	form.Set("sign_type", "RSA2")
	c.body = form.Encode()
	return c
}

// ours verifies as the server does, without the database.
func (c callback) ours(b *testing.B) echo.HandlerFunc {
	b.Helper()
	keyring, err := keys.NewAlipayKeyring(callbackApp, c.own, []keys.AlipayKey{{Public: &c.alipay.PublicKey}})
	must(b, err)
	return func(e echo.Context) error {
		body := make([]byte, e.Request().ContentLength)
		_, err := io.ReadFull(e.Request().Body, body)
		if err != nil {
			return e.String(200, "fail")
		}
		n, err := signing.VerifyNotification(keyring, body, e.Request().Header.Get(echo.HeaderContentType))
		if err != nil || n.Method == signing.MethodGatewayCheck || n.Fresh(time.Now()) != nil {
			return e.String(200, "fail")
		}
		return e.Blob(200, echo.MIMETextPlainCharsetUTF8, []byte("success"))
	}
}

// theirs verifies as the SDK's documentation does.
func (c callback) theirs(b *testing.B) echo.HandlerFunc {
	b.Helper()
	client, err := alipay.New(callbackApp, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(c.own)), false)
	must(b, err)
	public, err := x509.MarshalPKIXPublicKey(&c.alipay.PublicKey)
	must(b, err)
	must(b, client.LoadAliPayPublicKey(base64.StdEncoding.EncodeToString(public)))
	return func(e echo.Context) error {
		r := e.Request()
		if err := r.ParseForm(); err != nil {
			return e.String(200, "fail")
		}
		if _, err := client.DecodeNotification(r.Context(), r.Form); err != nil {
			return e.String(200, "fail")
		}
		return e.String(200, "success")
	}
}

// constant answers without verification. It measures the share of HTTP, Echo and the client.
func constant(e echo.Context) error {
	_, err := io.Copy(io.Discard, e.Request().Body)
	if err != nil {
		return err
	}
	return e.String(200, "success")
}

// A caller posts one request repeatedly on one connection. It does little work, because its
// processor time is measured, too.
type caller struct {
	conn    net.Conn
	request []byte
	answer  []byte
}

func newCaller(b *testing.B, h echo.HandlerFunc, body string) *caller {
	b.Helper()
	e := echo.New()
	e.POST("/alipay/notifications", h)
	server := httptest.NewServer(e)
	b.Cleanup(server.Close)
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	must(b, err)
	b.Cleanup(func() { conn.Close() })
	return &caller{conn: conn, answer: make([]byte, 4096), request: fmt.Appendf(nil,
		"POST /alipay/notifications HTTP/1.1\r\nHost: fundpass.test\r\n"+
			"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(body), body)}
}

// post returns the processor time of n acknowledged callbacks, excluding the garbage of the
// previous turn.
func (c *caller) post(b *testing.B, times int) float64 {
	b.Helper()
	runtime.GC()
	begun := cpu()
	for range times {
		if _, err := c.conn.Write(c.request); err != nil {
			b.Fatal(err)
		}
		n, err := c.conn.Read(c.answer) // one packet
		if err != nil || !bytes.HasSuffix(c.answer[:n], []byte("\r\n\r\nsuccess")) {
			b.Fatalf("%v: %q", err, c.answer[:n])
		}
	}
	return (cpu() - begun).Seconds() / float64(times)
}

// BenchmarkCallback compares the processor time of a callback over HTTP, including the client,
// with Echo and the SDK. The metric "http" is the part that is common to both.
func BenchmarkCallback(b *testing.B) {
	c := newCallback(b)
	callers := []*caller{newCaller(b, c.ours(b), c.body), newCaller(b, c.theirs(b), c.body), newCaller(b, constant, c.body)}
	took := make([][]float64, len(callers))
	var ratios []float64 // of adjacent turns, which ran under the same load
	const turn = 250     // long enough to include garbage collection
	for b.Loop() {
		for i, caller := range callers {
			took[i] = append(took[i], caller.post(b, turn))
		}
		last := len(took[0]) - 1
		ratios = append(ratios, took[0][last]/took[1][last])
	}
	ours, theirs, http := median(took[0]), median(took[1]), median(took[2])
	b.ReportMetric(ours*1e6, "cpu-µs/fundpass")
	b.ReportMetric(theirs*1e6, "cpu-µs/smartwalle")
	b.ReportMetric(http*1e6, "cpu-µs/http")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric((ours-http)/(theirs-http), "ratio-without-http")
}
