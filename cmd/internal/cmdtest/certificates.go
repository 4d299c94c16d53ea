package cmdtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"fundpass/keys"
)

// TestPartner is the merchant id in the subjects of the certificates.
const TestPartner = "2088000000000001"

// Certify writes the files of certificate mode, with Alipay's certificate ending at
// alipayEnd, and returns the settings that name them.
func (s *ServerEnv) Certify(alipayEnd time.Time) Values {
	s.T.Helper()
	return s.CertifyBoth(alipayEnd, time.Now().AddDate(1, 0, 0))
}

// CertifyBoth is like Certify, with the application's certificate ending at appEnd.
func (s *ServerEnv) CertifyBoth(alipayEnd, appEnd time.Time) Values {
	s.T.Helper()
	rootKey := TestKeys().Alipay[1]
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "invented root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	app, err := keys.ParsePrivateKey(s.Read("app_private_key.pem"))
	NoError(s.T, err)
	rootPEM := s.Issue(CertRequest{root, root, &rootKey.PublicKey, rootKey})
	s.Write("root.crt", rootPEM)
	s.Write("alipay.crt", s.Issue(CertRequest{
		LeafOf("支付宝(中国)网络技术有限公司-"+TestPartner, 2, alipayEnd), root, &TestKeys().Alipay[0].PublicKey, rootKey,
	})+rootPEM)
	s.Write("app.crt", s.Issue(CertRequest{
		LeafOf(TestPartner+"-"+s.AppID, 3, appEnd), root, &app.PublicKey, rootKey,
	}))
	return Values{
		"FUNDPASS_APP_CERT_FILE": s.Path("app.crt"), "FUNDPASS_ALIPAY_ROOT_CERT_FILE": s.Path("root.crt"),
		"FUNDPASS_ALIPAY_KEY_FILES": s.Path("alipay.crt"),
	}
}

// LeafOf returns the template of a leaf certificate.
func LeafOf(name string, serial int64, end time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: end,
	}
}

// A CertRequest holds the arguments of x509.CreateCertificate.
type CertRequest struct {
	Template, Parent *x509.Certificate
	Public           *rsa.PublicKey
	Signer           *rsa.PrivateKey
}

// Issue creates the certificate and returns it as PEM.
func (s *ServerEnv) Issue(r CertRequest) string {
	s.T.Helper()
	der, err := x509.CreateCertificate(rand.Reader, r.Template, r.Parent, r.Public, r.Signer)
	NoError(s.T, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// InDays returns the time n days from now.
func InDays(n int) time.Time { return time.Now().AddDate(0, 0, n) }
