package keys

import (
	"bytes"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Errors of certificates.
var (
	ErrValidity  = errors.New("keys: certificate is outside its validity period")
	ErrUntrusted = errors.New("keys: certificate is not Alipay's")
	ErrMismatch  = errors.New("keys: certificate does not belong to this application")
)

// alipayName is the prefix of the common name of Alipay's signing certificates; the
// merchant's partner id follows. Application certificates have the same root, so the
// chain does not prove that a certificate is Alipay's.
const alipayName = "支付宝(中国)网络技术有限公司-"

// appName matches the common name of an application certificate: partner id, app id.
var appName = regexp.MustCompile(`^(2088\d{12})-(\d+)$`)

// CertSN returns the serial number of a certificate in Alipay's protocol (app_cert_sn,
// alipay_cert_sn): 32 lower-case hexadecimal digits, the MD5 of the issuer's RFC 2253 name
// followed by the serial number in decimal. It returns ErrFormat if the issuer's name
// cannot be parsed.
//
// CertSN uses the raw issuer, because cert.Issuer.String() changes the order of the
// attributes of some authorities.
func CertSN(cert *x509.Certificate) (string, error) {
	var issuer pkix.RDNSequence
	if _, err := asn1.Unmarshal(cert.RawIssuer, &issuer); err != nil {
		return "", fmt.Errorf("%w: the certificate's issuer name", ErrFormat)
	}
	return fmt.Sprintf("%x", md5.Sum([]byte(issuer.String()+cert.SerialNumber.String()))), nil
}

// containsCertificate reports whether data contains a PEM certificate.
func containsCertificate(data []byte) bool {
	return bytes.Contains(data, []byte("-----BEGIN CERTIFICATE"))
}

// certBlocks returns the DER of each certificate in a PEM file.
func certBlocks(data []byte) ([][]byte, error) {
	text, err := cleanText(data)
	if err != nil {
		return nil, err
	}
	if !containsCertificate(text) {
		return nil, fmt.Errorf("%w: it contains no certificate; expected a .crt file as downloaded from the console", ErrWrongKind)
	}
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	ders := make([][]byte, len(blocks))
	for i, block := range blocks {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%w: it contains something other than certificates; a request (CSR) is not a certificate", ErrWrongKind)
		}
		ders[i] = block.Bytes
	}
	return ders, nil
}

// parseChain parses a certificate, whose key must be RSA, followed by its issuers, if the
// file contains them.
func parseChain(data []byte) ([]*x509.Certificate, error) {
	ders, err := certBlocks(data)
	if err != nil {
		return nil, err
	}
	chain := make([]*x509.Certificate, len(ders))
	for i, der := range ders {
		if chain[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("%w: certificate %d of %d is damaged or not RSA", ErrFormat, i+1, len(ders))
		}
	}
	pub, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the certificate's key is not RSA, which RSA2 requires", ErrWrongKind)
	}
	return chain, checkPublic(pub)
}

// verifyAlipay verifies that chain[0] is a certificate of Alipay's, valid now and issued
// under roots. Errors: ErrValidity, ErrUntrusted.
func verifyAlipay(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	leaf := chain[0]
	if err := checkLeaf(leaf, now); err != nil {
		return err
	}
	issuers := x509.NewCertPool()
	for _, issuer := range chain[1:] {
		issuers.AddCert(issuer)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: issuers, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return fmt.Errorf("%w: one of its issuers has expired; download the certificate and the root file again", ErrValidity)
	}
	if err == nil {
		return nil
	}
	if len(chain) == 1 {
		return fmt.Errorf("%w: the file has no issuer; use alipayCertPublicKey_RSA2.crt complete, as downloaded", ErrUntrusted)
	}
	return fmt.Errorf("%w: not issued under the root file (in Alipay's sandbox use public-key mode, or pin the sandbox's root)", ErrUntrusted)
}

// checkLeaf checks the certificate without its chain: its subject must be Alipay, and it
// must be valid now. Errors: ErrUntrusted, ErrValidity.
func checkLeaf(leaf *x509.Certificate, now time.Time) error {
	if !strings.HasPrefix(leaf.Subject.CommonName, alipayName) {
		return fmt.Errorf("%w: its subject is not Alipay; use alipayCertPublicKey_RSA2.crt, not the application's certificate", ErrUntrusted)
	}
	return checkValidity(leaf, now)
}

// verifyApp checks that an application certificate has the public key own, was issued for
// appID and is valid now. own is nil if the private key could not be read. The chain is
// not verified: Alipay does that, and the file often has no issuers.
// Errors: ErrMismatch, ErrValidity.
func verifyApp(cert *x509.Certificate, own *rsa.PublicKey, appID string, now time.Time) error {
	if own != nil && !own.Equal(cert.PublicKey) {
		return fmt.Errorf("%w: it was issued for another key than the application's private key", ErrMismatch)
	}
	if name := appName.FindStringSubmatch(cert.Subject.CommonName); name != nil && name[2] != appID {
		return fmt.Errorf("%w: it was issued for application %s", ErrMismatch, name[2])
	}
	return checkValidity(cert, now)
}

// sameMerchant returns ErrMismatch if the certificate of Alipay's was issued for another
// merchant than the application's. It returns nil if the application's subject does not
// have the usual form.
func sameMerchant(alipay, app *x509.Certificate) error {
	name := appName.FindStringSubmatch(app.Subject.CommonName)
	if name == nil || alipay.Subject.CommonName == alipayName+name[1] {
		return nil
	}
	return fmt.Errorf("%w: it was issued for another merchant than the application certificate", ErrMismatch)
}

func checkValidity(cert *x509.Certificate, now time.Time) error {
	if now.After(cert.NotAfter) {
		return fmt.Errorf("%w: it expired on %s; download the new one from the console", ErrValidity, cert.NotAfter.UTC().Format(time.DateOnly))
	}
	if now.Before(cert.NotBefore) {
		return fmt.Errorf("%w: it is valid from %s; check this machine's clock", ErrValidity, cert.NotBefore.UTC().Format(time.DateOnly))
	}
	return nil
}
