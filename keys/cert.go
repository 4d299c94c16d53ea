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

// What can be wrong with a certificate.
var (
	ErrValidity  = errors.New("keys: certificate is outside its validity period")
	ErrUntrusted = errors.New("keys: certificate is not Alipay's")
	ErrMismatch  = errors.New("keys: certificate does not belong to this application")
)

// alipayName begins the subject of every certificate Alipay signs its answers
// with; the merchant's partner id follows. Application certificates hang under
// the same root, so the chain alone does not prove whose a certificate is.
const alipayName = "支付宝(中国)网络技术有限公司-"

// appName is the subject of an application certificate: partner id, app id.
var appName = regexp.MustCompile(`^(2088\d{12})-(\d+)$`)

// CertSN returns the serial number Alipay's protocol knows a certificate by
// (app_cert_sn, alipay_cert_sn): 32 lower-case hex digits, the MD5 of the
// issuer's RFC 2253 name followed by the serial in decimal.
//
// The name is taken from the raw issuer: cert.Issuer.String() puts attributes
// in an order of its own and would differ for some authorities.
func CertSN(cert *x509.Certificate) (string, error) {
	var issuer pkix.RDNSequence
	if _, err := asn1.Unmarshal(cert.RawIssuer, &issuer); err != nil {
		return "", fmt.Errorf("%w: the certificate's issuer name", ErrFormat)
	}
	return fmt.Sprintf("%x", md5.Sum([]byte(issuer.String()+cert.SerialNumber.String()))), nil
}

// holdsCertificate tells a certificate file from a bare key.
func holdsCertificate(data []byte) bool {
	return bytes.Contains(data, []byte("-----BEGIN CERTIFICATE"))
}

// certBlocks returns the DER of each certificate in a PEM file.
func certBlocks(data []byte) ([][]byte, error) {
	text, err := cleanText(data)
	if err != nil {
		return nil, err
	}
	if !holdsCertificate(text) {
		return nil, fmt.Errorf("%w: no certificate in it; a .crt file as downloaded from the console is wanted", ErrWrongKind)
	}
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	ders := make([][]byte, len(blocks))
	for i, block := range blocks {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%w: besides certificates nothing may be in it, and a request (CSR) is not a certificate yet", ErrWrongKind)
		}
		ders[i] = block.Bytes
	}
	return ders, nil
}

// parseChain reads a certificate, whose key must be RSA, followed by its
// issuers if the file has them.
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
		return nil, fmt.Errorf("%w: the certificate's key is not RSA; RSA2 needs one that is", ErrWrongKind)
	}
	return chain, checkPublic(pub)
}

// verifyAlipay checks that chain[0] is a certificate of Alipay's, valid now and
// issued under the root file. Errors: ErrValidity, ErrUntrusted.
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
		return fmt.Errorf("%w: no issuer in the file; give alipayCertPublicKey_RSA2.crt whole, as downloaded", ErrUntrusted)
	}
	return fmt.Errorf("%w: not issued under the root file (Alipay's sandbox never is: use public-key mode there, or pin the sandbox's root)", ErrUntrusted)
}

// checkLeaf looks at the certificate alone: its subject is Alipay, and it is valid now.
func checkLeaf(leaf *x509.Certificate, now time.Time) error {
	if !strings.HasPrefix(leaf.Subject.CommonName, alipayName) {
		return fmt.Errorf("%w: its subject is another's; give alipayCertPublicKey_RSA2.crt, not the application's certificate", ErrUntrusted)
	}
	return checkValidity(leaf, now)
}

// verifyApp checks an application certificate against the key it must carry
// and the application it was issued for. own may be nil when the key could not
// be read. Alipay checks the chain of this one; the file often has no issuers.
func verifyApp(cert *x509.Certificate, own *rsa.PublicKey, appID string, now time.Time) error {
	if own != nil && !own.Equal(cert.PublicKey) {
		return fmt.Errorf("%w: it was issued for another key than the application's private key", ErrMismatch)
	}
	if name := appName.FindStringSubmatch(cert.Subject.CommonName); name != nil && name[2] != appID {
		return fmt.Errorf("%w: it was issued for application %s", ErrMismatch, name[2])
	}
	return checkValidity(cert, now)
}

// sameMerchant refuses an Alipay certificate issued for another merchant than
// the application's. It says nothing when either subject has another form.
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
		return fmt.Errorf("%w: it starts on %s; look at this machine's clock", ErrValidity, cert.NotBefore.UTC().Format(time.DateOnly))
	}
	return nil
}
