package signing_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func spiCall(changes map[string]string) url.Values {
	return changed(url.Values{
		"method": {"spi.alipay.demo"}, "version": {"1.0"}, "charset": {"UTF-8"}, "sign_type": {"RSA2"},
		"utc_timestamp": {"1767326400"}, "biz_app_id": {appID}, "name": {"张三 & co"},
	}, changes)
}

var spiTime = time.Unix(1767326400, 0)

func TestSPI(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	body := signed(t, spiCall(nil), signing.NotifyV1)
	get := httptest.NewRequest(http.MethodGet, "/alipay/spi?"+string(body), nil)
	post := spiPost(body)
	post.URL.RawQuery = "added=1" // added by a proxy
	var digests [2][32]byte
	for i, r := range []*http.Request{get, post} {
		c, err := signing.VerifySPI(keyring, r, spiTime.Add(time.Minute))
		if err != nil {
			t.Fatal(r.Method, err)
		}
		digests[i] = c.Digest
		if diff := cmp.Diff(map[string]string{"name": "张三 & co"}, c.Params); diff != "" || c.Method != "spi.alipay.demo" || !c.At.Equal(spiTime) {
			t.Errorf("%s: %+v %s", r.Method, c, diff)
		}
	}
	if digests[0] != digests[1] || digests[0] == [32]byte{} {
		t.Error("the same call has two digests")
	}
}

func TestSPIRefusals(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, c := range []struct {
		name   string
		change map[string]string
		now    time.Duration
		want   error
	}{
		{name: "right"},
		{name: "at the edge", now: 10 * time.Minute},
		{name: "ahead at the edge", now: -10 * time.Minute},
		{name: "late", now: 10*time.Minute + time.Second, want: signing.ErrStale},
		{name: "early", now: -10*time.Minute - time.Second, want: signing.ErrStale},
		{name: "milliseconds", change: map[string]string{"utc_timestamp": "1767326400000"}, want: signing.ErrMalformed},
		{name: "no time", change: map[string]string{"utc_timestamp": "-"}, want: signing.ErrUnknownFamily},
		{name: "no method", change: map[string]string{"method": "-"}, want: signing.ErrUnknownFamily},
		{name: "notification", change: map[string]string{"notify_type": "x"}, want: signing.ErrUnknownFamily},
		{name: "other application", change: map[string]string{"biz_app_id": "2021000000000002"}, want: signing.ErrWrongApp},
		{name: "other app_id", change: map[string]string{"app_id": "2021000000000002"}, want: signing.ErrWrongApp},
		{name: "no application", change: map[string]string{"biz_app_id": "-"}},
		{name: "RSA", change: map[string]string{"sign_type": "RSA"}, want: signing.ErrSignType},
		{name: "unknown charset", change: map[string]string{"charset": "x"}, want: signing.ErrMalformed},
		{name: "value in no charset", change: map[string]string{"name": "\xff"}, want: signing.ErrMalformed},
		{name: "glued", change: map[string]string{"name": "x&own_name=y"}, want: signing.ErrMalformed},
		{name: "content", change: map[string]string{"biz_content": `{"a":"&b=1"}`}},
		{name: "content of words", change: map[string]string{"biz_content": "x"}, want: signing.ErrMalformed},
	} {
		body := signed(t, spiCall(c.change), signing.NotifyV1)
		call, err := signing.VerifySPI(keyring, spiPost(body), spiTime.Add(c.now))
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if (call.Method == "") != (err != nil) {
			t.Errorf("%s: error %v, and %+v", c.name, err, call)
		}
	}
	kept := signed(t, spiCall(nil), signing.NotifyV2)
	if _, err := signing.VerifySPI(keyring, spiPost(kept), spiTime); !errors.Is(err, signing.ErrBadSignature) {
		t.Error("under the other rule:", err)
	}
}

// GBK parameters are returned in UTF-8.
func TestSPIInGBK(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	body := signed(t, spiCall(map[string]string{"charset": "GBK", "name": "\xd5\xc5\xc8\xfd"}), signing.NotifyV1)
	c, err := signing.VerifySPI(keyring, spiPost(body), spiTime)
	if err != nil || c.Params["name"] != "张三" {
		t.Errorf("%v %v", c.Params, err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestSPIRequests(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	body := string(signed(t, spiCall(nil), signing.NotifyV1))
	kind := http.Header{"Content-Type": {formType}}
	for name, r := range map[string]*http.Request{
		"PUT":             {Method: http.MethodPut, Header: kind, Body: io.NopCloser(strings.NewReader(body))},
		"JSON":            {Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))},
		"broken":          {Method: http.MethodPost, Header: kind, Body: io.NopCloser(broken{})},
		"too long":        {Method: http.MethodPost, Header: kind, Body: io.NopCloser(strings.NewReader(body + strings.Repeat("x", 64<<10)))},
		"POST in the URL": {Method: http.MethodPost, Header: kind, URL: &url.URL{RawQuery: body}, Body: io.NopCloser(strings.NewReader(""))},
		"GET of nothing":  {Method: http.MethodGet, URL: &url.URL{}},
	} {
		if _, err := signing.VerifySPI(keyring, r, spiTime); !errors.Is(err, signing.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSPIFaults(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	sim := newSim(t, alipaysim.Config{Now: at(noon)})
	for fault := range alipaysim.NoticeFaults() {
		notification := write(t, sim, alipaysim.Notice{Person: "ok", Kind: "spi.alipay.demo", Fault: fault})
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(notification.Body)))
		r.Header.Set("Content-Type", notification.ContentType)
		if c, err := signing.VerifySPI(keyring, r, noon); err == nil {
			t.Errorf("%s: accepted %+v", fault, c)
		}
	}
}

// The answer contains the signed bytes.
func TestSPIAnswer(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, response := range []string{
		`{"code":"10000","msg":"Success"}`, `{ "a" : "<x>&y" , "b":1.0 }`, `{"a":"\/"}`, `{"sign":"x","response":{}}`, signing.SPIRefused,
	} {
		body, err := signing.SignSPIAnswer(keyring, json.RawMessage(response))
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(string(body), `{"response":`+response+`,"sign":"`)
		sign, end := strings.CutSuffix(rest, `"}`)
		if !ok || !end || !json.Valid(body) {
			t.Fatalf("%s", body)
		}
		if err := signing.Verify(&ownKey().PublicKey, response, sign); err != nil {
			t.Errorf("%s: %v", response, err)
		}
	}
	for _, response := range []string{"", "null", "[]", `"x"`, "{", "{}{}", `{},"sign":"x"`} {
		if body, err := signing.SignSPIAnswer(keyring, json.RawMessage(response)); !errors.Is(err, signing.ErrMalformed) || body != nil {
			t.Errorf("%s: %s %v", response, body, err)
		}
	}
}

// In certificate mode the answer has the serial number of the application's certificate.
func TestSPIAnswerCertificate(t *testing.T) {
	t.Parallel()
	keyring := certificateKeyring(t)
	body, err := signing.SignSPIAnswer(keyring, json.RawMessage(`{"code":"10000"}`))
	if err != nil || keyring.AppCertSN() == "" || !strings.HasPrefix(string(body), `{"response":{"code":"10000"},"app_cert_sn":"`+keyring.AppCertSN()+`","sign":"`) {
		t.Errorf("%s %v", body, err)
	}
}
