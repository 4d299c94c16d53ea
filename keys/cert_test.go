package keys

import (
	"bytes"
	"crypto/md5"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// md5hex is a second implementation of the SN, from a name written by hand.
func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestCertSN(t *testing.T) {
	t.Parallel()
	cert := leaf(certSpec{subject: aliSubject, key: &alipayKey1().PublicKey, serial: 1234567890123})
	tests := []struct {
		name, issuer, serial string
		cert                 *x509.Certificate
	}{
		{"usual order", "CN=Fund Test Class 2,O=Fund Tests,C=CN", "1234567890123", cert},
		{"issuer's own order kept", "O=Fund Tests,C=CN,CN=Fund Test Root", "4711", testCA().issuer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := CertSN(tt.cert)
			if err != nil {
				t.Fatal(err)
			}
			if want := md5hex(tt.issuer + tt.serial); got != want {
				t.Errorf("SN %s, want %s", got, want)
			}
		})
	}
}

func TestCertSNPadded(t *testing.T) {
	t.Parallel()
	for serial := int64(1); serial < 4096; serial++ {
		cert := *testCA().issuer
		cert.SerialNumber = big.NewInt(serial)
		sn := must(CertSN(&cert))
		if len(sn) != 32 {
			t.Fatalf("serial %d: SN %q has %d digits", serial, sn, len(sn))
		}
		if strings.HasPrefix(sn, "00") {
			return // an SN with leading zeros was tested
		}
	}
	t.Fatal("no SN begins with two zeros, so padding was not tested")
}

func TestParseRoots(t *testing.T) {
	t.Parallel()
	first, second := newRoot("Root One", rootKey()), newRoot("Root Two", issuerKey())
	elliptic := newRoot("Root EC", ecKey())
	sn1, sn2 := must(CertSN(first)), must(CertSN(second))
	corrupt := bytes.Replace(first.Raw, []byte("20010100"), []byte("2x010100"), 1)
	if bytes.Equal(corrupt, first.Raw) {
		t.Fatal("the file was not damaged")
	}
	tests := []struct {
		name, file, sn string
		want           error
	}{
		{"two, in order", crt(first.Raw, second.Raw), sn1 + "_" + sn2, nil},
		{"other order", crt(second.Raw, first.Raw), sn2 + "_" + sn1, nil},
		{"sm2 skipped", crt(sm2Root(), first.Raw), sn1, nil},
		{"elliptic left out", crt(elliptic.Raw, first.Raw, sm2Root(), second.Raw), sn1 + "_" + sn2, nil},
		{"crlf and bom", "\ufeff" + strings.ReplaceAll(crt(first.Raw), "\n", "\r\n"), sn1, nil},
		{"only sm2", crt(sm2Root()), "", ErrWrongKind},
		{"damaged rsa root", crt(first.Raw, corrupt), "", ErrFormat},
		{"a key", pemText("PUBLIC KEY", pkixDER(&ownKey().PublicKey)), "", ErrWrongKind},
		{"a request", string(must(NewCSR(ownKey(), "Fund Tests", testAppID))), "", ErrWrongKind},
		{"cut", crt(first.Raw)[:300], "", ErrFormat},
		{"second cut", crt(first.Raw) + crt(second.Raw)[:300], "", ErrFormat},
		{"empty", "", "", ErrEmpty},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			roots, err := parseRoots([]byte(tt.file))
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if roots.sn != tt.sn {
				t.Errorf("SN %s, want %s", roots.sn, tt.sn)
			}
		})
	}
}

// crypto/x509 must not support the SM2 test root; otherwise TestParseRoots does not test
// that it is skipped.
func TestSM2RootIsUnreadable(t *testing.T) {
	t.Parallel()
	if _, err := x509.ParseCertificate(sm2Root()); err == nil {
		t.Fatal("crypto/x509 supports SM2")
	}
	if o, err := outlineOf(sm2Root()); err != nil || o.Algorithm.Algorithm.String() != "1.2.156.10197.1.501" {
		t.Errorf("its signature algorithm is %s (%v)", o.Algorithm.Algorithm, err)
	}
}

func TestVerifyAlipay(t *testing.T) {
	t.Parallel()
	ca, pub := testCA(), &alipayKey1().PublicKey
	roots := x509.NewCertPool()
	roots.AddCert(ca.root)
	good := leaf(certSpec{subject: aliSubject, key: pub})
	// Without the check of basic constraints, the holder of an application certificate
	// could issue certificates of Alipay's.
	app := leaf(certSpec{subject: appSubject, key: &ownKey().PublicKey})
	minted := issue(app, ownKey(), certSpec{subject: aliSubject, key: pub})
	impostor := *ca.issuer // the authority's name with another key
	impostor.PublicKey = &rootKey().PublicKey
	forged := issue(&impostor, rootKey(), certSpec{subject: aliSubject, key: pub})
	short := issue(ca.root, rootKey(), certSpec{subject: "Short Issuer", key: &issuerKey().PublicKey, ca: true, until: "2026-03-01"})
	underShort := issue(short, issuerKey(), certSpec{subject: aliSubject, key: pub})
	tests := []struct {
		name     string
		chain    []*x509.Certificate
		now      time.Time
		want     error
		contains string
	}{
		{"good", []*x509.Certificate{good, ca.issuer}, testNow, nil, ""},
		{"root in the file too", []*x509.Certificate{good, ca.issuer, ca.root}, testNow, nil, ""},
		{"leaf only", []*x509.Certificate{good}, testNow, ErrUntrusted, "complete"},
		{"expired", []*x509.Certificate{good, ca.issuer}, day("2030-01-02"), ErrValidity, "2030-01-01"},
		{"too early", []*x509.Certificate{good, ca.issuer}, day("2019-12-31"), ErrValidity, "clock"},
		{"issuer expired", []*x509.Certificate{underShort, short}, testNow, ErrValidity, "issuers"},
		{"application's", []*x509.Certificate{app, ca.issuer}, testNow, ErrUntrusted, "not the application's"},
		{"minted by an application", []*x509.Certificate{minted, app, ca.issuer}, testNow, ErrUntrusted, "root file"},
		{"wrong signature", []*x509.Certificate{forged, ca.issuer}, testNow, ErrUntrusted, "root file"},
		{"other root", []*x509.Certificate{underOther(), otherRoot()}, testNow, ErrUntrusted, "sandbox"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := verifyAlipay(tt.chain, roots, tt.now)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), tt.contains) {
				t.Errorf("error %q does not contain %q", err, tt.contains)
			}
		})
	}
}

func otherRoot() *x509.Certificate { return newRoot("Another Root", alipayKey2()) }

func underOther() *x509.Certificate {
	return issue(otherRoot(), alipayKey2(), certSpec{subject: aliSubject, key: &alipayKey1().PublicKey})
}

// The shared vectors are certificates of Alipay's published examples. They are not part of
// this repository; the test is skipped without them.
func TestSharedSNVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../shared/vectors/cert_sn.json")
	if err != nil {
		t.Skip("the shared vectors are not available")
	}
	var vectors struct {
		Cases []struct {
			Name, Kind, PEM, SN string
			Key                 string `json:"public_key_b64"`
		}
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 5 {
		t.Fatalf("only %d cases", len(vectors.Cases))
	}
	for _, v := range vectors.Cases {
		t.Run(v.Name, func(t *testing.T) {
			if v.Kind == "root" {
				if got := must(parseRoots([]byte(v.PEM))).sn; got != v.SN {
					t.Errorf("root SN %s, want %s", got, v.SN)
				}
				return
			}
			chain := must(parseChain([]byte(v.PEM)))
			if got := must(CertSN(chain[0])); got != v.SN {
				t.Errorf("SN %s, want %s", got, v.SN)
			}
			if v.Key != "" && b64(pkixDER(chain[0].PublicKey)) != base64Canon(v.Key) {
				t.Error("another public key")
			}
		})
	}
	app, alipay := must(parseChain([]byte(vectors.Cases[0].PEM)))[0], must(parseChain([]byte(vectors.Cases[1].PEM)))[0]
	if err := sameMerchant(alipay, app); err != nil {
		t.Errorf("certificates of one merchant: %v", err)
	}
	checkPublishedChain(t, vectors.Cases[len(vectors.Cases)-1].PEM, rootOf(t, data))
}

func base64Canon(s string) string { return b64(must(base64.StdEncoding.DecodeString(s))) }

func rootOf(t *testing.T, data []byte) string {
	t.Helper()
	var vectors struct{ Cases []struct{ Kind, PEM string } }
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.Cases {
		if v.Kind == "root" {
			return v.PEM
		}
	}
	t.Fatal("no root file among the vectors")
	return ""
}

// checkPublishedChain verifies the chain of a certificate that Alipay issued.
func checkPublishedChain(t *testing.T, file, rootFile string) {
	t.Helper()
	chain, roots := must(parseChain([]byte(file))), must(parseRoots([]byte(rootFile)))
	if len(chain) < 2 {
		t.Fatal("the last vector is not a chain")
	}
	if err := verifyAlipay(chain, roots.pool, day("2022-06-01")); err != nil {
		t.Errorf("while it was valid: %v", err)
	}
	if err := verifyAlipay(chain, roots.pool, testNow); !errors.Is(err, ErrValidity) {
		t.Errorf("after its end: %v", err)
	}
	if err := verifyAlipay(chain[:1], roots.pool, day("2022-06-01")); !errors.Is(err, ErrUntrusted) {
		t.Errorf("without its issuer: %v", err)
	}
}
