package signing_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"

	"github.com/smartwalle/alipay/v3"

	"fundpass/signing"
)

// tradeNotice is a form of 20 parameters, sign and sign_type besides, of 1.1 KiB.
func tradeNotice(t testing.TB) (body []byte, text string, signature []byte) {
	t.Helper()
	form := url.Values{
		"app_id": {appID}, "notify_id": {"2026010200222030405000000000001"}, "notify_time": {"2026-01-02 03:04:05"},
		"notify_type": {"trade_status_sync"}, "charset": {"utf-8"}, "version": {"1.0"},
		"subject": {"公积金 a+b & c=d 100%"}, "body": {""}, "fund_bill_list": {`[{"amount":"0.01","fundChannel":"PCREDIT"}]`},
	}
	for i := range 11 {
		form.Set(fmt.Sprintf("trade_parameter_%d", i), fmt.Sprintf("value number %d/2026-01-02", i))
	}
	text, err := signing.Canonical(form, signing.NotifyV1)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("sign", alipaySigns(t, text))
	form.Set("sign_type", "RSA2")
	signature, err = base64.StdEncoding.DecodeString(form.Get("sign"))
	if err != nil || len(form) != 22 {
		t.Fatal(len(form), err)
	}
	return []byte(form.Encode()), text, signature
}

// BenchmarkNotification sets what a notice costs beside crypto/rsa alone and beside
// the SDK: form, canonical text and signature of a message with 20 parameters.
func BenchmarkNotification(b *testing.B) {
	body, text, signature := tradeNotice(b)
	b.Run("raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256([]byte(text))
			if err := rsa.VerifyPKCS1v15(&alipayKey().PublicKey, crypto.SHA256, sum[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fundpass", func(b *testing.B) {
		ring := newRing(b, ownKey(), alipayKey())
		b.ReportAllocs()
		for b.Loop() {
			if _, err := signing.VerifyNotification(ring, body, formType); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("smartwalle", func(b *testing.B) {
		client := newSDK(b)
		b.ReportAllocs()
		for b.Loop() {
			form, err := url.ParseQuery(string(body))
			if err != nil {
				b.Fatal(err)
			}
			if err := client.VerifySign(b.Context(), form); err != nil {
				b.Fatal(err)
			}
		}
	})
}

const formType = "application/x-www-form-urlencoded; charset=utf-8"

func newSDK(t testing.TB) *alipay.Client {
	t.Helper()
	client, err := alipay.New(appID, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(ownKey())), false)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&alipayKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.LoadAliPayPublicKey(base64.StdEncoding.EncodeToString(public)); err != nil {
		t.Fatal(err)
	}
	return client
}
