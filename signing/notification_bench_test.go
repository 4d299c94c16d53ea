package signing_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

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
		form.Set(fmt.Sprintf("trade_parameter_%c", "abcdefghijk"[i]), fmt.Sprintf("value number %d/2026-01-02", i))
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

// An implementation verifies the notification of tradeNotice once.
type implementation struct {
	name   string
	verify func() error
}

func implementations(t testing.TB) []implementation {
	t.Helper()
	body, text, signature := tradeNotice(t)
	keyring, sdk := newKeyring(t, ownKey(), alipayKey()), newSDK(t)
	signed := []byte(text)
	return []implementation{
		{"raw", func() error {
			sum := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(&alipayKey().PublicKey, crypto.SHA256, sum[:], signature)
		}},
		{"fundpass", func() error {
			_, err := signing.VerifyNotification(keyring, body, formType)
			return err
		}},
		{"smartwalle", func() error {
			form, err := url.ParseQuery(string(body))
			if err != nil {
				return err
			}
			return sdk.VerifySign(t.Context(), form)
		}},
	}
}

// BenchmarkNotification compares the verification of a message with 20 parameters (form,
// canonical text, signature) with crypto/rsa alone and with the SDK.
func BenchmarkNotification(b *testing.B) {
	for _, c := range implementations(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNotificationRatio runs the implementations in turns of a millisecond, so that
// other load affects them equally, and reports the ratio of each median to that of
// crypto/rsa alone.
func BenchmarkNotificationRatio(b *testing.B) {
	all := implementations(b)
	took := make([][]time.Duration, len(all))
	for b.Loop() {
		for i, c := range all {
			began := time.Now()
			for range 30 {
				if err := c.verify(); err != nil {
					b.Fatal(c.name, err)
				}
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	for i, c := range all {
		slices.Sort(took[i])
		median := func(i int) float64 { return float64(took[i][len(took[i])/2]) }
		b.ReportMetric(median(i)/median(0), c.name+"/raw")
	}
}

// VerifyNotification makes at most 12 allocations, 9 of them in crypto/rsa.
func TestNotificationAllocations(t *testing.T) {
	body, _, _ := tradeNotice(t)
	keyring := newKeyring(t, ownKey(), alipayKey())
	got := testing.AllocsPerRun(100, func() {
		if _, err := signing.VerifyNotification(keyring, body, formType); err != nil {
			t.Fatal(err)
		}
	})
	if got > 12 {
		t.Errorf("%v allocations", got)
	}
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
