package keys

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// AlipayKeyringFiles names the files of an AlipayKeyring. AppKey and AlipayKeys are always
// needed. AppCert and AlipayRootCert together mean certificate mode, in which
// every one of AlipayKeys is a certificate with its issuers
// (alipayCertPublicKey_RSA2.crt); without them every one is a bare public key.
type AlipayKeyringFiles struct {
	AppID          string
	AppKey         string   // path: the application's private key
	AlipayKeys     []string // paths: several while Alipay's key is being changed
	AppCert        string   // path: appCertPublicKey_<app id>.crt
	AlipayRootCert string   // path: alipayRootCert.crt

	// SandboxRoot is the path of the root of Alipay's sandbox, "" everywhere else. A
	// certificate of Alipay's that is not issued under AlipayRootCert may then be issued
	// under this root, by name and signature alone, as the sandbox's chain allows no
	// more. Whoever sets it must see to it that the gateway is the sandbox's.
	SandboxRoot string
}

// LoadAlipayKeyring reads and checks the files. It reports all problems at once, each
// naming its file and saying what to do; errors.Is finds the sentinels of this
// package in them. In certificate mode each of Alipay's certificates must be
// valid today and issued under the root file, and the application's must
// belong to its private key.
func LoadAlipayKeyring(files AlipayKeyringFiles) (*AlipayKeyring, error) {
	return loadKeyring(files, time.Now())
}

// keyringLoader collects the parts of an AlipayKeyring and the problems found. A part that could
// not be read stays nil, and checks that need it are left out: the operator
// should see causes, not consequences.
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
	for _, path := range files.AlipayKeys {
		l.loadAlipay(path)
	}
	// With files named but none readable, "give one" would mislead.
	if len(l.keyring.alipay) > 0 || len(files.AlipayKeys) == 0 {
		l.problems = append(l.problems, l.keyring.checkAlipay()...)
	}
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	return l.keyring, nil
}

// certMode: either file of the pair means it, so that a forgotten one is
// reported and not taken for public-key mode.
func (l *keyringLoader) certMode() bool {
	return l.files.AppCert != "" || l.files.AlipayRootCert != ""
}

// note keeps a problem; nil is none.
func (l *keyringLoader) note(path string, err error) {
	if err != nil {
		l.problems = append(l.problems, inFile(path, err))
	}
}

// read returns a file's content, or false after noting why there is none.
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
	data, ok := l.read(l.files.AlipayRootCert, "Alipay's root certificate file (certificate mode needs it beside the application's certificate)")
	if !ok {
		return
	}
	roots, err := parseRoots(data)
	l.note(l.files.AlipayRootCert, err)
	l.roots, l.keyring.rootCertSN = roots, roots.sn
}

// loadSandbox comes after loadRoots: no root of the root file may be pinned.
func (l *keyringLoader) loadSandbox() {
	path := l.files.SandboxRoot
	if path == "" {
		return
	}
	if !l.certMode() {
		l.note(path, fmt.Errorf("%w: a sandbox root is for certificate mode; public-key mode has no chain to check", ErrWrongKind))
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
	data, ok := l.read(l.files.AppCert, "the application's certificate file (certificate mode needs it beside Alipay's root certificates)")
	if !ok {
		return
	}
	chain, err := parseChain(data)
	if err == nil {
		err = verifyApp(chain[0], l.own, l.files.AppID, l.now)
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

// parseAlipay reads a certificate in certificate mode and a bare key otherwise.
// The two are never mixed: a message is signed in one mode only, and a bare
// key would let a message without a certificate serial through.
func (l *keyringLoader) parseAlipay(data []byte) (AlipayKey, error) {
	if l.certMode() {
		return l.parseAlipayCert(data)
	}
	if holdsCertificate(data) {
		return AlipayKey{}, fmt.Errorf("%w: this is a certificate; name the application's certificate and Alipay's root certificates too (certificate mode), or give Alipay's public key", ErrWrongKind)
	}
	pub, err := ParsePublicKey(data)
	return AlipayKey{Public: pub}, err
}

func (l *keyringLoader) parseAlipayCert(data []byte) (AlipayKey, error) {
	chain, err := parseChain(data)
	if err != nil {
		return AlipayKey{}, err
	}
	excused, err := l.verifyChain(chain)
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
	return AlipayKey{SN: sn, Public: pub, NotAfter: chain[0].NotAfter, Sandbox: excused}, err
}

// verifyChain reports whether the chain stands only by the sandbox's exception, which
// is asked last and only when there is one.
func (l *keyringLoader) verifyChain(chain []*x509.Certificate) (excused bool, err error) {
	if l.roots.pool == nil {
		return false, nil // the root file's problem is noted
	}
	err = verifyAlipay(chain, l.roots.pool, l.now)
	if len(l.sandbox) == 0 || !errors.Is(err, ErrUntrusted) {
		return false, err
	}
	return true, verifySandbox(chain, l.sandbox, l.now)
}
