package keys

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
)

// testSandbox has the form of Alipay's sandbox: a root that is in no root file, and an
// intermediate without basic constraints.
var testSandbox = sync.OnceValue(func() authority {
	root := newRoot("Fund Sandbox Root", alipayKey2())
	return authority{root: root, issuer: issue(root, alipayKey2(), certSpec{subject: "Fund Sandbox Class 2", key: &issuerKey().PublicKey})}
})

// sandboxLeaf issues an end certificate in the sandbox.
func sandboxLeaf(s certSpec) *x509.Certificate {
	if s.key == nil {
		s.key = &alipayKey1().PublicKey
	}
	if s.subject == "" {
		s.subject = aliSubject
	}
	return issue(testSandbox().issuer, issuerKey(), s)
}

// sandboxFiles returns valid files of certificate mode in the sandbox.
func sandboxFiles(t *testing.T) AlipayKeyringFiles {
	t.Helper()
	files := certFiles(t)
	files.AlipayKeys = []string{write(t, "sandbox.crt", crt(sandboxLeaf(certSpec{}).Raw, testSandbox().issuer.Raw))}
	files.SandboxRoot = write(t, "sandbox-root.crt", crt(testSandbox().root.Raw))
	return files
}

func TestSandboxKeyring(t *testing.T) {
	t.Parallel()
	files := sandboxFiles(t)
	files.AlipayKeys = append(files.AlipayKeys, write(t, "real.crt", alipayCrt(alipayKey2(), certSpec{serial: 12})))
	keyring, err := loadKeyring(files, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if got := keyring.AlipayKeys(); !got[0].Sandbox || got[1].Sandbox {
		t.Errorf("Sandbox: %v, %v; want true for the sandbox's only", got[0].Sandbox, got[1].Sandbox)
	}
	if strings.Contains(keyring.RootCertSN(), must(CertSN(testSandbox().root))) {
		t.Error("the pinned root is part of alipay_root_cert_sn")
	}
	candidate, err := checkAlipayCert(files, keyring.AlipayKeys()[0].SN,
		[]byte(crt(sandboxLeaf(certSpec{}).Raw, testSandbox().issuer.Raw)), testNow)
	if err != nil || !candidate.Sandbox {
		t.Errorf("as a candidate: %+v, %v", candidate, err)
	}
}

// Certificate.Verify rejects the sandbox's chain even under its own root, and
// LoadAlipayKeyring rejects it without the pinned root.
func TestSandboxNeedsPinnedRoot(t *testing.T) {
	t.Parallel()
	roots := x509.NewCertPool()
	roots.AddCert(testSandbox().root)
	if err := verifyAlipay([]*x509.Certificate{sandboxLeaf(certSpec{}), testSandbox().issuer}, roots, testNow); !errors.Is(err, ErrUntrusted) {
		t.Errorf("x509 accepts the chain (%v), so the exception is not tested", err)
	}
	files := sandboxFiles(t)
	files.SandboxRoot = ""
	if _, err := loadKeyring(files, testNow); !errors.Is(err, ErrUntrusted) {
		t.Errorf("without the pinned root: %v", err)
	}
	other := sandboxFiles(t)
	other.SandboxRoot = write(t, "other.crt", crt(newRoot("Other Root", rootKey()).Raw))
	if _, err := loadKeyring(other, testNow); !errors.Is(err, ErrUntrusted) && !errors.Is(err, ErrWrongKind) {
		t.Errorf("under another root: %v", err)
	}
}

func TestVerifySandbox(t *testing.T) {
	t.Parallel()
	sandbox, pub := testSandbox(), &alipayKey1().PublicKey
	good := sandboxLeaf(certSpec{})
	app := sandboxLeaf(certSpec{subject: appSubject, key: &ownKey().PublicKey})
	impostor := *sandbox.issuer // the intermediate's name with another key
	impostor.PublicKey = &rootKey().PublicKey
	appUnderRoot := issue(sandbox.root, alipayKey2(), certSpec{subject: appSubject, key: &ownKey().PublicKey})
	deep := issue(sandbox.issuer, issuerKey(), certSpec{subject: "One Deeper", key: &ownKey().PublicKey})
	short := issue(sandbox.root, alipayKey2(), certSpec{subject: "Short Issuer", key: &issuerKey().PublicKey, until: "2026-03-01"})
	sha1 := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(5), Subject: pkix.Name{CommonName: aliSubject}, SignatureAlgorithm: x509.SHA1WithRSA,
		NotBefore: day(startOfTests), NotAfter: day("2030-01-01"),
	}, sandbox.issuer, pub, issuerKey()))))
	tests := []struct {
		name  string
		chain []*x509.Certificate
		want  error
	}{
		{"good", []*x509.Certificate{good, sandbox.issuer}, nil},
		{"root in the file too", []*x509.Certificate{good, sandbox.issuer, sandbox.root}, nil},
		{"straight under the root", []*x509.Certificate{issue(sandbox.root, alipayKey2(), certSpec{subject: aliSubject, key: pub})}, nil},
		{"leaf only", []*x509.Certificate{good}, ErrUntrusted},
		{"application's certificate", []*x509.Certificate{app, sandbox.issuer}, ErrUntrusted},
		{"made with an application's certificate", []*x509.Certificate{issue(app, ownKey(), certSpec{subject: aliSubject, key: pub}), app, sandbox.issuer}, ErrUntrusted},
		{"made with one straight under the root", []*x509.Certificate{issue(appUnderRoot, ownKey(), certSpec{subject: aliSubject, key: pub}), appUnderRoot}, ErrUntrusted},
		{"made with Alipay's own", []*x509.Certificate{issue(good, alipayKey1(), certSpec{subject: aliSubject, key: pub}), good, sandbox.issuer}, ErrUntrusted},
		{"one deeper", []*x509.Certificate{issue(deep, ownKey(), certSpec{subject: aliSubject, key: pub}), deep, sandbox.issuer}, ErrUntrusted},
		{"impostor's key", []*x509.Certificate{issue(&impostor, rootKey(), certSpec{subject: aliSubject, key: pub}), sandbox.issuer}, ErrUntrusted},
		{"self-made", []*x509.Certificate{newRoot(aliSubject, alipayKey1())}, ErrUntrusted},
		{"brings its own root", []*x509.Certificate{leaf(certSpec{subject: aliSubject, key: pub}), testCA().issuer, testCA().root}, ErrUntrusted},
		{"SHA-1", []*x509.Certificate{sha1, sandbox.issuer}, ErrUntrusted},
		{"expired", []*x509.Certificate{sandboxLeaf(certSpec{until: "2026-05-31"}), sandbox.issuer}, ErrValidity},
		{"intermediate expired", []*x509.Certificate{issue(short, issuerKey(), certSpec{subject: aliSubject, key: pub}), short}, ErrValidity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := verifySandbox(tt.chain, []*x509.Certificate{sandbox.root}, testNow); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	long := issue(sandbox.root, alipayKey2(), certSpec{subject: aliSubject, key: pub, until: "2045-01-01"})
	for date, want := range map[string]error{"2039-12-01": nil, "2040-02-01": ErrValidity} {
		if err := verifySandbox([]*x509.Certificate{long}, []*x509.Certificate{sandbox.root}, day(date)); !errors.Is(err, want) {
			t.Errorf("the root ends in 2040, in %s: %v", date, err)
		}
	}
}

// A pinned root does not change which other certificates are rejected.
func TestSandboxChangesNothingElse(t *testing.T) {
	t.Parallel()
	app := leaf(certSpec{subject: appSubject, key: &ownKey().PublicKey})
	minted := issue(app, ownKey(), certSpec{subject: aliSubject, key: &alipayKey1().PublicKey})
	notCA := issue(testCA().root, rootKey(), certSpec{subject: "Not CA", key: &issuerKey().PublicKey})
	under := issue(notCA, issuerKey(), certSpec{subject: aliSubject, key: &alipayKey1().PublicKey})
	short := issue(testCA().root, rootKey(), certSpec{subject: "Short Issuer", key: &issuerKey().PublicKey, ca: true, until: "2026-03-01"})
	underShort := issue(short, issuerKey(), certSpec{subject: aliSubject, key: &alipayKey1().PublicKey})
	for name, tt := range map[string]struct {
		file string
		want error
	}{
		"issuer expired":                         {crt(underShort.Raw, short.Raw), ErrValidity},
		"made with an application's certificate": {crt(minted.Raw, app.Raw, testCA().issuer.Raw), ErrUntrusted},
		"no authority under the real root":       {crt(under.Raw, notCA.Raw), ErrUntrusted},
		"expired":                                {alipayCrt(alipayKey1(), certSpec{until: "2026-05-31"}), ErrValidity},
		"another merchant's":                     {alipayCrt(alipayKey1(), certSpec{subject: alipayName + otherPID}), ErrMismatch},
		"sandbox's, another merchant's": {
			crt(sandboxLeaf(certSpec{subject: alipayName + otherPID}).Raw, testSandbox().issuer.Raw), ErrMismatch,
		},
		"sandbox's, our own key": {
			crt(sandboxLeaf(certSpec{key: &ownKey().PublicKey}).Raw, testSandbox().issuer.Raw), ErrOwnKey,
		},
	} {
		files := sandboxFiles(t)
		files.AlipayKeys = []string{write(t, "alipay.crt", tt.file)}
		if _, err := loadKeyring(files, testNow); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

func TestSandboxRootFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file string
		want error
	}{
		"the real root":       {crt(testCA().root.Raw), ErrWrongKind},
		"the real root's key": {crt(newRoot("Another Name", rootKey()).Raw), ErrWrongKind},
		"both":                {crt(testSandbox().root.Raw, testCA().root.Raw), ErrWrongKind},
		"an intermediate":     {crt(testSandbox().issuer.Raw), ErrWrongKind},
		"a key":               {pemText("PUBLIC KEY", pkixDER(&ownKey().PublicKey)), ErrWrongKind},
		"SM2":                 {crt(sm2Root()), ErrFormat},
		"empty":               {"", ErrEmpty},
	} {
		files := sandboxFiles(t)
		files.SandboxRoot = write(t, "pinned.crt", tt.file)
		_, err := loadKeyring(files, testNow)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "pinned.crt") {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	bare := bareFiles(t)
	bare.SandboxRoot = write(t, "pinned.crt", crt(testSandbox().root.Raw))
	if _, err := LoadAlipayKeyring(bare); !errors.Is(err, ErrWrongKind) {
		t.Errorf("in public-key mode: %v", err)
	}
}
