package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key pairs generated once a run.
var (
	ownKey     = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	alipayKey1 = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	alipayKey2 = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	rootKey    = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	issuerKey  = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	weakKey    = sync.OnceValue(func() *rsa.PrivateKey { return generate(1024) })
	ecKey      = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

const (
	testAppID    = "2021009900000001"
	testPID      = "2088990000000001"
	otherPID     = "2088990000000002"
	appSubject   = testPID + "-" + testAppID
	aliSubject   = alipayName + testPID
	startOfTests = "2020-01-01"
)

// testNow is a time at which every valid test certificate is valid.
var testNow = must(time.Parse(time.DateOnly, "2026-06-01"))

func generate(bits int) *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, bits)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pkcs8(key any) []byte           { return must(x509.MarshalPKCS8PrivateKey(key)) }
func pkixDER(key any) []byte         { return must(x509.MarshalPKIXPublicKey(key)) }
func pkcs1(k *rsa.PrivateKey) []byte { return x509.MarshalPKCS1PrivateKey(k) }
func b64(der []byte) string          { return base64.StdEncoding.EncodeToString(der) }
func pemText(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// wrapped inserts line ends into a key without headers.
func wrapped(s, eol string) string {
	var out strings.Builder
	for len(s) > 64 {
		out.WriteString(s[:64] + eol)
		s = s[64:]
	}
	return out.String() + s + eol
}

// An authority is a root and an intermediate certificate.
type authority struct {
	root, issuer *x509.Certificate
}

// testCA is an authority whose root has the attributes of its name in an unusual order, so
// that tests detect a CertSN that reorders them.
var testCA = sync.OnceValue(func() authority {
	root := newRoot("Fund Test Root", rootKey())
	issuer := issue(root, rootKey(), certSpec{subject: "Fund Test Class 2", key: &issuerKey().PublicKey, ca: true})
	return authority{root: root, issuer: issuer}
})

type certSpec struct {
	subject string
	key     crypto.PublicKey
	ca      bool
	until   string // date; "" = 2030-01-01
	serial  int64  // 0 = 4711
}

func newRoot(name string, key crypto.Signer) *x509.Certificate {
	return must(x509.ParseCertificate(rootDER(name, key)))
}

func rootDER(name string, key crypto.Signer) []byte {
	rdn := func(id asn1.ObjectIdentifier, value string) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: id, Value: value}}
	}
	subject := must(asn1.Marshal(pkix.RDNSequence{
		rdn(asn1.ObjectIdentifier{2, 5, 4, 3}, name),
		rdn(asn1.ObjectIdentifier{2, 5, 4, 6}, "CN"),
		rdn(asn1.ObjectIdentifier{2, 5, 4, 10}, "Fund Tests"),
	}))
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(99), RawSubject: subject,
		NotBefore: day("2020-01-01"), NotAfter: day("2040-01-01"),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return must(x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key))
}

func issue(parent *x509.Certificate, parentKey crypto.Signer, s certSpec) *x509.Certificate {
	if s.until == "" {
		s.until = "2030-01-01"
	}
	if s.serial == 0 {
		s.serial = 4711
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(s.serial),
		Subject:      pkix.Name{Country: []string{"CN"}, Organization: []string{"Fund Tests"}, CommonName: s.subject},
		NotBefore:    day(startOfTests), NotAfter: day(s.until),
		IsCA: s.ca, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if s.ca {
		tmpl.KeyUsage = x509.KeyUsageCertSign
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, tmpl, parent, s.key, parentKey))))
}

// leaf issues an end certificate with testCA.
func leaf(s certSpec) *x509.Certificate { return issue(testCA().issuer, issuerKey(), s) }

// sm2Root returns a root that crypto/x509 does not support, like the one in
// alipayRootCert.crt: a P-256 certificate with the algorithm ids of SM2.
func sm2Root() []byte {
	der := rootDER("SM2 Root", ecKey())
	der = bytes.ReplaceAll(der,
		[]byte{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}, []byte{0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D})
	return bytes.ReplaceAll(der,
		[]byte{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02}, []byte{0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x83, 0x75})
}

func day(s string) time.Time { return must(time.Parse(time.DateOnly, s)) }

func crt(ders ...[]byte) string {
	var out strings.Builder
	for _, der := range ders {
		out.WriteString(pemText("CERTIFICATE", der))
	}
	return out.String()
}

// write writes content to a temporary file and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// noSecret fails the test if text contains 12 consecutive characters of a line of file,
// because error texts are logged.
func noSecret(t *testing.T, text, file string) {
	t.Helper()
	for line := range strings.Lines(file) {
		if strings.HasPrefix(line, "-----") {
			continue
		}
		for i := 0; i+12 <= len(line); i++ {
			if part := line[i : i+12]; strings.TrimSpace(part) != "" && strings.Contains(text, part) {
				t.Fatalf("text quotes the file: %q", text)
			}
		}
	}
}

// A brokenSigner has a public key other than that of its signatures.
type brokenSigner struct {
	crypto.Signer
	public crypto.PublicKey
}

func (s brokenSigner) Public() crypto.PublicKey { return s.public }

// A failingSigner is an unavailable KMS.
type failingSigner struct{ crypto.Signer }

func (failingSigner) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return nil, fmt.Errorf("no route to the key store")
}
