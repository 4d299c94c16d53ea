package signing_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// certificateKeyring writes the files of certificate mode, issued by a test root, and
// returns their keyring.
func certificateKeyring(t *testing.T) *keys.AlipayKeyring {
	t.Helper()
	dir, rootKey := t.TempDir(), newTestKey()
	serial := int64(0)
	issue := func(name string, key *rsa.PublicKey, parent *x509.Certificate) *x509.Certificate {
		serial++
		template := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: parent == nil, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
		if parent == nil {
			parent = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key, rootKey)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root := issue("Test Root", &rootKey.PublicKey, nil)
	app := issue("2088000000000009-"+appID, &ownKey().PublicKey, root)
	alipay := issue("支付宝(中国)网络技术有限公司-2088000000000009", &alipayKey().PublicKey, root)
	keyring, err := keys.LoadAlipayKeyring(keys.AlipayKeyringFiles{
		AppID:          appID,
		AppKey:         write("app.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(ownKey())),
		AppCert:        write("appCertPublicKey.crt", "CERTIFICATE", app.Raw),
		AlipayRootCert: write("alipayRootCert.crt", "CERTIFICATE", root.Raw),
		AlipayKeys:     []string{write("alipayCertPublicKey_RSA2.crt", "CERTIFICATE", alipay.Raw)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

func TestCertificateMode(t *testing.T) {
	t.Parallel()
	keyring := certificateKeyring(t)
	sns := alipaysim.Certificates{App: keyring.AppCertSN(), Root: keyring.RootCertSN(), Alipay: keyring.AlipayKeys()[0].SN}
	if sns.App == "" || sns.Root == "" || sns.Alipay == "" {
		t.Fatalf("%+v", sns)
	}
	s := newFixture(t, signing.Options{}, alipaysim.Config{Certificates: &sns})
	if _, err := s.gate.Exchange(t.Context(), s.code(t, "ok")); !errors.Is(err, keys.ErrUnknownSN) {
		t.Errorf("in public-key mode: %v", err)
	}
	if err := s.gate.Replace(keyring); err != nil {
		t.Fatal(err)
	}
	person := signing.Person{Name: people[0].Name, IDType: "01", IDNumber: people[0].IDNumber}
	if ok, err := s.gate.MatchPerson(t.Context(), s.token(t, "ok"), person); !ok || err != nil {
		t.Errorf("match: %v, %v", ok, err)
	}
}

// A response by an unknown certificate is rejected, and the certificate is not downloaded.
func TestCertificateUnknown(t *testing.T) {
	t.Parallel()
	keyring := certificateKeyring(t)
	sns := alipaysim.Certificates{App: keyring.AppCertSN(), Root: keyring.RootCertSN(), Alipay: "ffffffffffffffffffffffffffffffff"}
	s := newFixture(t, signing.Options{}, alipaysim.Config{Certificates: &sns})
	if err := s.gate.Replace(keyring); err != nil {
		t.Fatal(err)
	}
	_, err := s.gate.Exchange(t.Context(), s.code(t, "ok"))
	if !errors.Is(err, signing.ErrForged) || !errors.Is(err, keys.ErrUnknownSN) {
		t.Error(err)
	}
	if n := s.sim.Calls(""); n != 1 {
		t.Errorf("%d calls for one exchange", n)
	}
}
