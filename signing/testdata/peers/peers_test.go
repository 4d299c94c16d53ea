// Package peers compares package signing with other libraries. It is a separate module, so
// that they are no dependencies of fundpass:
//
//	cd signing/testdata/peers && go test -bench . -benchtime 5s
package peers

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	gopay "github.com/go-pay/gopay/alipay"
	"github.com/smartwalle/alipay/v3"

	"fundpass/keys"
	"fundpass/signing"
)

const appID = "2021000000000001"

// A notice is a form of 20 parameters, sign and sign_type. None is empty, because gopay
// omits empty values from the text.
type notice struct {
	own, alipay *rsa.PrivateKey
	body        []byte
	text        []byte
	signature   []byte
}

func newNotice(t testing.TB) notice {
	t.Helper()
	var n notice
	for _, key := range []**rsa.PrivateKey{&n.own, &n.alipay} {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		*key = made
	}
	form := url.Values{
		"app_id": {appID}, "notify_id": {"2026010200222030405000000000001"}, "notify_time": {"2026-01-02 03:04:05"},
		"notify_type": {"trade_status_sync"}, "charset": {"utf-8"}, "version": {"1.0"}, "body": {"1"},
		"subject": {"公积金 a+b & c=d 100%"}, "fund_bill_list": {`[{"amount":"0.01","fundChannel":"PCREDIT"}]`},
	}
	for i := range 11 {
		form.Set(fmt.Sprintf("trade_parameter_%c", 'a'+i), fmt.Sprintf("value number %d/2026-01-02", i))
	}
	text, err := signing.Canonical(form, signing.NotifyV1)
	if err != nil {
		t.Fatal(err)
	}
	sign, err := signing.Sign(n.alipay, text)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("sign", sign)
	form.Set("sign_type", "RSA2")
	n.body, n.text = []byte(form.Encode()), []byte(text)
	if n.signature, err = base64.StdEncoding.DecodeString(sign); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n notice) publicKey(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&n.alipay.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// A contender verifies the notice once, from the bytes of its body.
type contender struct {
	name   string
	verify func() error
}

func (n notice) raw() error {
	sum := sha256.Sum256(n.text)
	return rsa.VerifyPKCS1v15(&n.alipay.PublicKey, crypto.SHA256, sum[:], n.signature)
}

func contenders(t testing.TB) []contender {
	t.Helper()
	n := newNotice(t)
	keyring, err := keys.NewAlipayKeyring(appID, n.own, []keys.AlipayKey{{Public: &n.alipay.PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	public := n.publicKey(t)
	sdk, err := alipay.New(appID, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(n.own)), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := sdk.LoadAliPayPublicKey(public); err != nil {
		t.Fatal(err)
	}
	return []contender{
		{"raw", n.raw},
		{"fundpass", func() error {
			_, err := signing.VerifyNotification(keyring, n.body, "application/x-www-form-urlencoded")
			return err
		}},
		{"smartwalle", func() error {
			form, err := url.ParseQuery(string(n.body))
			if err != nil {
				return err
			}
			return sdk.VerifySign(t.Context(), form)
		}},
		{"gopay", func() error {
			form, err := url.ParseQuery(string(n.body))
			if err != nil {
				return err
			}
			params, err := gopay.ParseNotifyByURLValues(form)
			if err != nil {
				return err
			}
			if ok, err := gopay.VerifySign(public, params); err != nil || !ok {
				return errors.Join(errors.New("gopay refuses"), err)
			}
			return nil
		}},
	}
}

func BenchmarkNotification(b *testing.B) {
	for _, c := range contenders(b) {
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

// BenchmarkRatio runs the contenders in turns of a millisecond, so that other load affects
// them equally.
func BenchmarkRatio(b *testing.B) {
	all := contenders(b)
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
