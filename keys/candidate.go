package keys

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// An AlipayCert describes a certificate of Alipay's that is not trusted yet. An operator
// compares it with the one in Alipay's console.
type AlipayCert struct {
	SN              string // 32 hex digits, as in alipay_cert_sn
	Subject, Issuer string // RFC 2253
	NotBefore, End  time.Time
	Fingerprint     [32]byte // SHA-256 of the certificate
	Sandbox         bool     // issued under the pinned root of Alipay's sandbox only
}

// CheckAlipayCert checks data, the content of a certificate file from any source, as
// LoadAlipayKeyring checks one of files.AlipayKeys: it must be a certificate of Alipay's
// for this merchant, issued under the root file and valid today. Its serial number must
// be sn. files.AlipayKeys is ignored.
//
// files must be those of certificate mode. Errors: ErrIncomplete in public-key mode,
// ErrMismatch for another serial number, and those of LoadAlipayKeyring.
func CheckAlipayCert(files AlipayKeyringFiles, sn string, data []byte) (AlipayCert, error) {
	return checkAlipayCert(files, sn, data, time.Now())
}

func checkAlipayCert(files AlipayKeyringFiles, sn string, data []byte, now time.Time) (AlipayCert, error) {
	l := &keyringLoader{files: files, now: now, keyring: &AlipayKeyring{appID: files.AppID}}
	l.loadAppKey()
	l.loadRoots()
	l.loadAppCert()
	l.loadSandbox()
	if len(l.problems) > 0 {
		return AlipayCert{}, errors.Join(l.problems...)
	}
	key, err := l.parseAlipayCert(data)
	if err != nil {
		return AlipayCert{}, err
	}
	l.keyring.alipay = []AlipayKey{key}
	if problems := l.keyring.checkAlipay(); len(problems) > 0 {
		return AlipayCert{}, errors.Join(problems...)
	}
	if key.SN != sn {
		return AlipayCert{}, fmt.Errorf("%w: its serial number is %s, not the requested one", ErrMismatch, key.SN)
	}
	chain, err := parseChain(data)
	if err != nil {
		return AlipayCert{}, err
	}
	cert := describeCert(key.SN, chain[0])
	cert.Sandbox = key.Sandbox
	return cert, nil
}

func describeCert(sn string, cert *x509.Certificate) AlipayCert {
	return AlipayCert{
		SN: sn, Subject: cert.Subject.String(), Issuer: cert.Issuer.String(),
		NotBefore: cert.NotBefore, End: cert.NotAfter, Fingerprint: sha256.Sum256(cert.Raw),
	}
}
