package keys

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// AlipayKeyringFiles are the paths of the files of an AlipayKeyring. AppKey and AlipayKeys
// are required. AppCert and AlipayRootCert together select certificate mode, in which each
// of AlipayKeys is a certificate with its issuers (alipayCertPublicKey_RSA2.crt). In
// public-key mode each is a public key.
type AlipayKeyringFiles struct {
	AppID          string
	AppKey         string   // the application's private key
	AlipayKeys     []string // several during a rotation of Alipay's key
	AppCert        string   // appCertPublicKey_<app id>.crt
	AlipayRootCert string   // alipayRootCert.crt

	// ThirdPartyAppID is the id of the third-party application (第三方应用) that the keys belong
	// to and that calls Alipay for the mini-program AppID with the token in the file AppAuth;
	// "" if the mini-program has keys of its own.
	ThirdPartyAppID string
	AppAuth         string

	// SandboxRoot is the root certificate of Alipay's sandbox; "" in production. If it is
	// set, certificates of Alipay's may also be issued under this root. Basic constraints
	// of that chain are not checked, because the sandbox's intermediate certificate has
	// none. The caller must ensure that the gateway is the sandbox's.
	SandboxRoot string
}

// LoadAlipayKeyring reads and checks the files. In certificate mode each of Alipay's
// certificates must be valid today and issued under the root file, and the application's
// certificate must belong to its private key.
//
// The error joins all problems. Each contains the path and what to do, and matches an
// error of this package with errors.Is.
func LoadAlipayKeyring(files AlipayKeyringFiles) (*AlipayKeyring, error) {
	return loadKeyring(files, time.Now())
}

// A keyringLoader collects the parts of an AlipayKeyring and the problems. A part that
// cannot be read stays nil and checks that need it are skipped, so that the error reports
// causes and not their consequences.
type keyringLoader struct {
	files    AlipayKeyringFiles
	now      time.Time
	keyring  *AlipayKeyring
	own      *rsa.PublicKey
	appCert  *x509.Certificate
	roots    rootFile
	sandbox  []*x509.Certificate // pinned roots
	problems []error
}

func loadKeyring(files AlipayKeyringFiles, now time.Time) (*AlipayKeyring, error) {
	l := &keyringLoader{files: files, now: now, keyring: &AlipayKeyring{appID: files.AppID}}
	l.note("", checkAppID(files.AppID))
	l.loadAppKey()
	if l.certMode() {
		l.loadRoots()
		l.loadAppCert()
	}
	l.loadSandbox()
	l.loadAppAuth()
	for _, path := range files.AlipayKeys {
		l.loadAlipay(path)
	}
	// If files are named but none is readable, "at least one" would mislead.
	if len(l.keyring.alipay) > 0 || len(files.AlipayKeys) == 0 {
		l.problems = append(l.problems, l.keyring.checkAlipay()...)
	}
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	return l.keyring, nil
}

// certMode reports whether a file of certificate mode is named. One is enough, so that the
// other is reported as missing.
func (l *keyringLoader) certMode() bool {
	return l.files.AppCert != "" || l.files.AlipayRootCert != ""
}

// note appends err to l.problems unless it is nil.
func (l *keyringLoader) note(path string, err error) {
	if err != nil {
		l.problems = append(l.problems, withSource(path, err))
	}
}

// read returns the content of a file. If it cannot, it notes the problem and returns false.
func (l *keyringLoader) read(path, what string) ([]byte, bool) {
	if path == "" {
		l.note("", fmt.Errorf("%w: %s", ErrIncomplete, what))
		return nil, false
	}
	data, err := readFile(path)
	l.note("", err)
	return data, err == nil
}

func (l *keyringLoader) loadAppKey() {
	data, ok := l.read(l.files.AppKey, "the file of the application's private key")
	if !ok {
		return
	}
	key, err := ParsePrivateKey(data)
	if err != nil {
		l.note(l.files.AppKey, err)
		return
	}
	l.keyring.signer, l.own = key, &key.PublicKey
}

func (l *keyringLoader) loadRoots() {
	data, ok := l.read(l.files.AlipayRootCert, "Alipay's root certificate file (certificate mode requires it in addition to the application's certificate)")
	if !ok {
		return
	}
	roots, err := parseRoots(data)
	l.note(l.files.AlipayRootCert, err)
	l.roots, l.keyring.rootCertSN = roots, roots.sn
}

// loadSandbox must be called after loadRoots, because no root of the root file may be
// pinned.
func (l *keyringLoader) loadSandbox() {
	path := l.files.SandboxRoot
	if path == "" {
		return
	}
	if !l.certMode() {
		l.note(path, fmt.Errorf("%w: a sandbox root requires certificate mode; public-key mode has no chain to verify", ErrWrongKind))
		return
	}
	data, ok := l.read(path, "")
	if !ok {
		return
	}
	roots, err := parseSandboxRoots(data, l.roots)
	l.note(path, err)
	l.sandbox = roots
}

func (l *keyringLoader) loadAppCert() {
	data, ok := l.read(l.files.AppCert, "the application's certificate file (certificate mode requires it in addition to Alipay's root certificates)")
	if !ok {
		return
	}
	chain, err := parseChain(data)
	if err == nil {
		err = verifyApp(chain[0], l.own, l.files.signingAppID(), l.now)
	}
	if err == nil {
		l.appCert, l.keyring.appCertEnd = chain[0], chain[0].NotAfter
		l.keyring.appCertSN, err = CertSN(chain[0])
	}
	l.note(l.files.AppCert, err)
}

func (l *keyringLoader) loadAlipay(path string) {
	data, ok := l.read(path, "the name of one of Alipay's key files is blank")
	if !ok {
		return
	}
	key, err := l.parseAlipay(data)
	if err != nil {
		l.note(path, err)
		return
	}
	key.Source = path
	l.keyring.alipay = append(l.keyring.alipay, key)
}

// parseAlipay parses a certificate in certificate mode and a public key otherwise. The two
// are never mixed: in certificate mode a public key would verify messages that have no
// serial number.
func (l *keyringLoader) parseAlipay(data []byte) (AlipayKey, error) {
	if l.certMode() {
		return l.parseAlipayCert(data)
	}
	if containsCertificate(data) {
		return AlipayKey{}, fmt.Errorf("%w: this is a certificate; set the application's certificate and Alipay's root certificates, too (certificate mode), or use Alipay's public key", ErrWrongKind)
	}
	pub, err := ParsePublicKey(data)
	return AlipayKey{Public: pub}, err
}

func (l *keyringLoader) parseAlipayCert(data []byte) (AlipayKey, error) {
	chain, err := parseChain(data)
	if err != nil {
		return AlipayKey{}, err
	}
	sandbox, err := l.verifyChain(chain)
	if err != nil {
		return AlipayKey{}, err
	}
	if l.appCert != nil {
		if err := sameMerchant(chain[0], l.appCert); err != nil {
			return AlipayKey{}, err
		}
	}
	sn, err := CertSN(chain[0])
	pub, _ := chain[0].PublicKey.(*rsa.PublicKey)
	return AlipayKey{SN: sn, Public: pub, NotAfter: chain[0].NotAfter, Sandbox: sandbox}, err
}

// verifyChain verifies the chain under the root file and, if that fails, under the pinned
// root of the sandbox. sandbox is true in the second case.
func (l *keyringLoader) verifyChain(chain []*x509.Certificate) (sandbox bool, err error) {
	if l.roots.pool == nil {
		return false, nil // the problem of the root file has been noted
	}
	err = verifyAlipay(chain, l.roots.pool, l.now)
	if len(l.sandbox) == 0 || !errors.Is(err, ErrUntrusted) {
		return false, err
	}
	return true, verifySandbox(chain, l.sandbox, l.now)
}
