package keys

import (
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bareFiles returns valid files of public-key mode.
func bareFiles(t *testing.T) AlipayKeyringFiles {
	t.Helper()
	return AlipayKeyringFiles{
		AppID:      testAppID,
		AppKey:     write(t, "app.txt", b64(pkcs8(ownKey()))),
		AlipayKeys: []string{write(t, "alipay1.txt", b64(pkixDER(&alipayKey1().PublicKey)))},
	}
}

// certFiles returns valid files of certificate mode.
func certFiles(t *testing.T) AlipayKeyringFiles {
	t.Helper()
	return AlipayKeyringFiles{
		AppID:          testAppID,
		AppKey:         write(t, "app.pem", pemText("RSA PRIVATE KEY", pkcs1(ownKey()))),
		AlipayKeys:     []string{write(t, "alipay1.crt", alipayCrt(alipayKey1(), certSpec{}))},
		AppCert:        write(t, "app.crt", crt(leaf(certSpec{subject: appSubject, key: &ownKey().PublicKey}).Raw)),
		AlipayRootCert: write(t, "root.crt", crt(sm2Root(), testCA().root.Raw)),
	}
}

// alipayCrt returns a file like the console's: the certificate and its issuer.
func alipayCrt(key *rsa.PrivateKey, s certSpec) string {
	s.key = &key.PublicKey
	if s.subject == "" {
		s.subject = aliSubject
	}
	return crt(leaf(s).Raw, testCA().issuer.Raw)
}

func TestLoadAlipayKeyringPublicKeyMode(t *testing.T) {
	t.Parallel()
	files := bareFiles(t)
	files.AlipayKeys = append(files.AlipayKeys, write(t, "alipay2.pem", pemText("PUBLIC KEY", pkixDER(&alipayKey2().PublicKey))))
	keyring, err := LoadAlipayKeyring(files)
	if err != nil {
		t.Fatal(err)
	}
	want := []AlipayKey{
		{Public: &alipayKey1().PublicKey, Source: files.AlipayKeys[0]},
		{Public: &alipayKey2().PublicKey, Source: files.AlipayKeys[1]},
	}
	samePublic := cmp.Comparer(func(a, b *rsa.PublicKey) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, keyring.AlipayKeys(), samePublic); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if !ownKey().PublicKey.Equal(keyring.Signer().Public()) || keyring.AppCertSN() != "" {
		t.Error("the application's key or id is wrong")
	}
}

func TestLoadAlipayKeyringCertMode(t *testing.T) {
	t.Parallel()
	files := certFiles(t)
	files.AlipayKeys = append(files.AlipayKeys,
		write(t, "alipay2.crt", "\ufeff"+alipayCrt(alipayKey2(), certSpec{serial: 4712, until: "2027-05-04"})))
	keyring, err := loadKeyring(files, testNow)
	if err != nil {
		t.Fatal(err)
	}
	issuer := "CN=Fund Test Class 2,O=Fund Tests,C=CN"
	if got, want := keyring.AppCertSN(), md5hex(issuer+"4711"); got != want {
		t.Errorf("application SN %s, want %s", got, want)
	}
	if got, want := keyring.RootCertSN(), md5hex("O=Fund Tests,C=CN,CN=Fund Test Root"+"99"); got != want {
		t.Errorf("root SN %s, want %s", got, want)
	}
	if !keyring.AppCertNotAfter().Equal(day("2030-01-01")) {
		t.Errorf("the application's certificate ends %v", keyring.AppCertNotAfter())
	}
	key, err := keyring.AlipayKey(md5hex(issuer + "4712"))
	if err != nil {
		t.Fatal(err)
	}
	if !key.Public.Equal(&alipayKey2().PublicKey) || !key.NotAfter.Equal(day("2027-05-04")) || key.Source != files.AlipayKeys[1] {
		t.Errorf("second key is %s until %v", key.Source, key.NotAfter)
	}
}

// LoadAlipayKeyring uses the system clock.
func TestLoadAlipayKeyringUsesClock(t *testing.T) {
	t.Parallel()
	files := certFiles(t)
	yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	files.AlipayKeys = []string{write(t, "old.crt", alipayCrt(alipayKey1(), certSpec{until: yesterday}))}
	if _, err := LoadAlipayKeyring(files); !errors.Is(err, ErrValidity) || !strings.Contains(err.Error(), yesterday) {
		t.Errorf("a certificate that ended %s: %v", yesterday, err)
	}
}

func TestLoadAlipayKeyringRefuses(t *testing.T) {
	t.Parallel()
	otherApp := testPID + "-2021009900000002"
	tests := []struct {
		name     string
		files    func(*testing.T) AlipayKeyringFiles
		spoil    func(*testing.T, *AlipayKeyringFiles)
		want     error
		contains string
	}{
		{"own key as Alipay's", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.txt", b64(pkixDER(&ownKey().PublicKey)))
		}, ErrOwnKey, "支付宝公钥"},
		{"same file twice", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys = append(f.AlipayKeys, f.AlipayKeys[0])
		}, ErrDuplicate, "number 1"},
		{"public as private", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AppKey = write(t, "x.txt", b64(pkixDER(&ownKey().PublicKey)))
		}, ErrWrongKind, "应用私钥"},
		{"private as Alipay's", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AlipayKeys[0] = f.AppKey }, ErrWrongKind, "a private key"},
		{"empty file", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AppKey = write(t, "x.txt", "") }, ErrEmpty, "x.txt"},
		{"no Alipay key", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AlipayKeys = nil }, ErrIncomplete, "at least one"},
		{"blank path", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AlipayKeys = append(f.AlipayKeys, "") }, ErrIncomplete, "blank"},
		{"absent file", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AppKey = filepath.Join(t.TempDir(), "absent.pem") }, os.ErrNotExist, "absent.pem"},
		{"certificate in public-key mode", bareFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", alipayCrt(alipayKey1(), certSpec{}))
		}, ErrWrongKind, "certificate mode"},
		{"bare key in certificate mode", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.txt", b64(pkixDER(&alipayKey1().PublicKey)))
		}, ErrWrongKind, ".crt"},
		{"no root file", certFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AlipayRootCert = "" }, ErrIncomplete, "root"},
		{"no application certificate", certFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AppCert = "" }, ErrIncomplete, "application's certificate"},
		{"certificate of another key", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AppCert = write(t, "x.crt", crt(leaf(certSpec{subject: appSubject, key: &alipayKey2().PublicKey}).Raw))
		}, ErrMismatch, "another key"},
		{"certificate of another application", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AppCert = write(t, "x.crt", crt(leaf(certSpec{subject: otherApp, key: &ownKey().PublicKey}).Raw))
		}, ErrMismatch, "2021009900000002"},
		{"application certificate expired", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AppCert = write(t, "x.crt", crt(leaf(certSpec{subject: appSubject, key: &ownKey().PublicKey, until: "2026-05-01"}).Raw))
		}, ErrValidity, "2026-05-01"},
		{"Alipay certificate expired", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", alipayCrt(alipayKey1(), certSpec{until: "2026-05-31"}))
		}, ErrValidity, "expired on 2026-05-31"},
		{"another merchant's Alipay certificate", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", alipayCrt(alipayKey1(), certSpec{subject: alipayName + otherPID}))
		}, ErrMismatch, "another merchant"},
		{"application's certificate as Alipay's", certFiles, func(t *testing.T, f *AlipayKeyringFiles) { f.AlipayKeys[0] = f.AppCert }, ErrUntrusted, "alipayCertPublicKey_RSA2.crt"},
		{"leaf without issuer", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", crt(leaf(certSpec{subject: aliSubject, key: &alipayKey1().PublicKey}).Raw))
		}, ErrUntrusted, "complete"},
		{"root file of others", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayRootCert = write(t, "x.crt", crt(otherRoot().Raw))
		}, ErrUntrusted, "root file"},
		{"weak certificate", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", alipayCrt(weakKey(), certSpec{}))
		}, ErrWeak, "1024"},
		{"elliptic certificate", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", crt(leaf(certSpec{subject: aliSubject, key: &ecKey().PublicKey}).Raw))
		}, ErrWrongKind, "not RSA"},
		{"request for a certificate", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AppCert = write(t, "x.csr", string(must(NewCSR(ownKey(), "Fund Tests", testAppID))))
		}, ErrWrongKind, "CSR"},
		{"same certificate twice", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys = append(f.AlipayKeys, f.AlipayKeys[0])
		}, ErrDuplicate, "number 1"},
		{"own key in a certificate", certFiles, func(t *testing.T, f *AlipayKeyringFiles) {
			f.AlipayKeys[0] = write(t, "x.crt", alipayCrt(ownKey(), certSpec{}))
		}, ErrOwnKey, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := tt.files(t)
			tt.spoil(t, &files)
			keyring, err := loadKeyring(files, testNow)
			if keyring != nil {
				t.Fatal("a keyring was returned with an error")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.contains) {
				t.Fatalf("error %q, want %q containing %q", err, tt.want, tt.contains)
			}
			if n := strings.Count(err.Error(), "\n"); n != 0 {
				t.Errorf("one mistake gave %d problems:\n%v", n+1, err)
			}
		})
	}
}

// Five problems are five lines, each with its path and without key text.
func TestLoadAlipayKeyringReportsAll(t *testing.T) {
	t.Parallel()
	files := AlipayKeyringFiles{
		AppKey: write(t, "app.pem", pemText("PUBLIC KEY", pkixDER(&ownKey().PublicKey))),
		AlipayKeys: []string{
			write(t, "first.crt", alipayCrt(alipayKey1(), certSpec{until: "2026-02-02"})),
			write(t, "second.crt", pemText("PRIVATE KEY", pkcs8(alipayKey2()))),
		},
		AlipayRootCert: write(t, "root.crt", crt(testCA().root.Raw)),
	}
	_, err := loadKeyring(files, testNow)
	lines := strings.Split(err.Error(), "\n")
	want := []string{"application id", files.AppKey, "application's certificate file", files.AlipayKeys[0], files.AlipayKeys[1]}
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) {
			t.Errorf("problem %d is %q, want it to name %q", i+1, line, want[i])
		}
	}
	noSecret(t, err.Error(), pemText("PRIVATE KEY", pkcs8(alipayKey2())))
}
