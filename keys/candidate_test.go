package keys

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
)

// candidateFiles returns the files of certificate mode without AlipayKeys.
func candidateFiles(t *testing.T) AlipayKeyringFiles {
	return AlipayKeyringFiles{
		AppID:          testAppID,
		AppKey:         write(t, "app.pem", pemText("PRIVATE KEY", pkcs8(ownKey()))),
		AppCert:        write(t, "app.crt", crt(leaf(certSpec{subject: appSubject, key: &ownKey().PublicKey}).Raw)),
		AlipayRootCert: write(t, "root.crt", crt(testCA().root.Raw)),
	}
}

func chainOf(cert *x509.Certificate) []byte {
	return []byte(crt(cert.Raw, testCA().issuer.Raw))
}

func TestCheckAlipayCert(t *testing.T) {
	t.Parallel()
	good := leaf(certSpec{subject: aliSubject, key: &alipayKey1().PublicKey, serial: 5})
	sn := must(CertSN(good))
	got, err := checkAlipayCert(candidateFiles(t), sn, chainOf(good), testNow)
	if err != nil {
		t.Fatal(err)
	}
	if got.SN != sn || !strings.Contains(got.Subject, aliSubject) || !strings.Contains(got.Issuer, "Fund Test Class 2") ||
		!got.End.Equal(good.NotAfter) || !got.NotBefore.Equal(good.NotBefore) || got.Fingerprint == [32]byte{} {
		t.Errorf("got %+v", got)
	}
	selfMade := newRoot(aliSubject, alipayKey1())
	for _, c := range []struct {
		name string
		data []byte
		sn   string
		want error
	}{
		{"another's number", chainOf(good), strings.Repeat("a", 32), ErrMismatch},
		{"no number", chainOf(good), "", ErrMismatch},
		{"application's", chainOf(leaf(certSpec{subject: appSubject, key: &alipayKey1().PublicKey})), sn, ErrUntrusted},
		{"another merchant's", chainOf(leaf(certSpec{subject: alipayName + otherPID, key: &alipayKey1().PublicKey})), sn, ErrMismatch},
		{"self-made", []byte(crt(selfMade.Raw)), sn, ErrUntrusted},
		{"self-made before a true one", []byte(crt(selfMade.Raw, good.Raw, testCA().issuer.Raw)), sn, ErrUntrusted},
		{"expired", chainOf(leaf(certSpec{subject: aliSubject, key: &alipayKey1().PublicKey, until: "2026-05-31"})), sn, ErrValidity},
		{"own key", chainOf(leaf(certSpec{subject: aliSubject, key: &ownKey().PublicKey, serial: 5})), sn, ErrOwnKey},
		{"no issuer", []byte(crt(good.Raw)), sn, ErrUntrusted},
		{"bare key", []byte(pemText("PUBLIC KEY", pkixDER(&alipayKey1().PublicKey))), sn, ErrWrongKind},
		{"private key beside it", append(chainOf(good), pemText("PRIVATE KEY", pkcs8(alipayKey2()))...), sn, ErrWrongKind},
		{"empty", nil, sn, ErrEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := checkAlipayCert(candidateFiles(t), c.sn, c.data, testNow)
			if !errors.Is(err, c.want) || got != (AlipayCert{}) {
				t.Errorf("got %+v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// CheckAlipayCert requires the files of certificate mode.
func TestCheckAlipayCertFiles(t *testing.T) {
	t.Parallel()
	good := leaf(certSpec{subject: aliSubject, key: &alipayKey1().PublicKey})
	for name, change := range map[string]func(*AlipayKeyringFiles){
		"no root":        func(f *AlipayKeyringFiles) { f.AlipayRootCert = "" },
		"no certificate": func(f *AlipayKeyringFiles) { f.AppCert = "" },
		"no key":         func(f *AlipayKeyringFiles) { f.AppKey = "" },
	} {
		files := candidateFiles(t)
		change(&files)
		if _, err := checkAlipayCert(files, must(CertSN(good)), chainOf(good), testNow); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
