package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"fundpass/cmd/internal/settings"
	"fundpass/keys"
)

// sitePartner is the merchant in the names of the certificates.
const sitePartner = "2088000000000001"

// certify writes what certificate mode needs, with Alipay's certificate ending
// at a time of its own, and returns the settings.
func (s *serverEnv) certify(alipayEnd time.Time) values {
	s.t.Helper()
	return s.certifyBoth(alipayEnd, time.Now().AddDate(1, 0, 0))
}

func (s *serverEnv) certifyBoth(alipayEnd, appEnd time.Time) values {
	s.t.Helper()
	rootKey := testKeys().alipay[1]
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "invented root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	app, err := keys.ParsePrivateKey(s.read("app_private_key.pem"))
	noError(s.t, err)
	rootPEM := s.issue(certRequest{root, root, &rootKey.PublicKey, rootKey})
	s.write("root.crt", rootPEM)
	s.write("alipay.crt", s.issue(certRequest{
		leafOf("支付宝(中国)网络技术有限公司-"+sitePartner, 2, alipayEnd), root, &testKeys().alipay[0].PublicKey, rootKey,
	})+rootPEM)
	s.write("app.crt", s.issue(certRequest{
		leafOf(sitePartner+"-"+s.appID, 3, appEnd), root, &app.PublicKey, rootKey,
	}))
	return values{
		"FUNDPASS_APP_CERT_FILE": s.path("app.crt"), "FUNDPASS_ALIPAY_ROOT_CERT_FILE": s.path("root.crt"),
		"FUNDPASS_ALIPAY_KEY_FILES": s.path("alipay.crt"),
	}
}

func leafOf(name string, serial int64, end time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: end,
	}
}

// A certRequest says who certifies what.
type certRequest struct {
	template, parent *x509.Certificate
	public           *rsa.PublicKey
	signer           *rsa.PrivateKey
}

func (s *serverEnv) issue(r certRequest) string {
	s.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, r.template, r.parent, r.public, r.signer)
	noError(s.t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestCertificateMode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		end    time.Time
		change values
		want   string // setting that is named; "" = accepted
	}{
		{"right", time.Now().AddDate(1, 0, 0), nil, ""},
		{"expired", time.Now().Add(-time.Minute), nil, "FUNDPASS_ALIPAY_KEY_FILES"},
		{"no root", time.Now().AddDate(1, 0, 0), values{"FUNDPASS_ALIPAY_ROOT_CERT_FILE": ""}, "FUNDPASS_ALIPAY_ROOT_CERT_FILE"},
		{"no certificate of ours", time.Now().AddDate(1, 0, 0), values{"FUNDPASS_APP_CERT_FILE": ""}, "FUNDPASS_APP_CERT_FILE"},
		{"another application", time.Now().AddDate(1, 0, 0), values{"FUNDPASS_APP_ID": "2021000000000002"}, "FUNDPASS_APP_CERT_FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newBareServerEnv(t)
			_, err := settings.Read(getenvOf(s.env(s.certify(c.end), c.change)))
			if c.want == "" {
				noError(t, err)
				return
			}
			if err == nil || !hasPrefixOf(err.Error(), []string{c.want}) || len(settings.Unjoin(err)) != 1 {
				t.Errorf("got %v, want %s named alone", err, c.want)
			}
		})
	}
}
