package keys

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Alipay's sandbox has a root of its own, which is not in alipayRootCert.crt, and its
// intermediate certificate has no basic constraints, so Certificate.Verify rejects the
// chain with any roots. This file verifies such a chain under a root that the operator
// pins. It does not change the verification under the root file.

// sandboxDepth is the number of issuers of the sandbox's end certificate: the intermediate
// and the pinned root.
const sandboxDepth = 2

// strongHashes are the accepted signature algorithms. Certificate.CheckSignature also
// accepts SHA-1.
var strongHashes = []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}

// parseSandboxRoots parses the pinned roots. Each must be self-signed, and none may be in
// the root file, because that would weaken the verification of production certificates.
func parseSandboxRoots(data []byte, production rootFile) ([]*x509.Certificate, error) {
	ders, err := certBlocks(data)
	if err != nil {
		return nil, err
	}
	roots := make([]*x509.Certificate, len(ders))
	for i, der := range ders {
		root, err := x509.ParseCertificate(der)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: certificate %d of %d is damaged", ErrFormat, i+1, len(ders))
		case !issued(root, root):
			return nil, fmt.Errorf("%w: certificate %d of %d is not self-signed", ErrWrongKind, i+1, len(ders))
		case slices.ContainsFunc(production.certs, func(c *x509.Certificate) bool { return sameAuthority(c, root) }):
			return nil, fmt.Errorf("%w: certificate %d of %d is in Alipay's root file; only the sandbox's root may be pinned", ErrWrongKind, i+1, len(ders))
		}
		roots[i] = root
	}
	return roots, nil
}

// verifySandbox verifies that chain[0] is a certificate of Alipay's, issued by a pinned root
// or by an intermediate of a pinned root, and that all of them are valid now. It does not
// check basic constraints. Errors: ErrValidity, ErrUntrusted.
func verifySandbox(chain, pinned []*x509.Certificate, now time.Time) error {
	if err := checkLeaf(chain[0], now); err != nil {
		return err
	}
	cert := chain[0]
	for range sandboxDepth {
		if root := issuerOf(cert, pinned); root != nil {
			return checkValidity(root, now)
		}
		issuer := issuerOf(cert, chain[1:])
		if issuer == nil || isEndCertificate(issuer) {
			break
		}
		if err := checkValidity(issuer, now); err != nil {
			return err
		}
		cert = issuer
	}
	return fmt.Errorf("%w: issued neither under the root file nor under the sandbox's pinned root", ErrUntrusted)
}

// issuerOf returns the certificate of candidates that issued cert, or nil.
func issuerOf(cert *x509.Certificate, candidates []*x509.Certificate) *x509.Certificate {
	i := slices.IndexFunc(candidates, func(c *x509.Certificate) bool { return issued(c, cert) })
	if i < 0 {
		return nil
	}
	return candidates[i]
}

// issued reports whether cert has issuer's name and is signed with issuer's key.
func issued(issuer, cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, issuer.RawSubject) &&
		slices.Contains(strongHashes, cert.SignatureAlgorithm) &&
		issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// isEndCertificate reports whether cert has the name of an application certificate or of a
// signing certificate of Alipay's. They must not be issuers: without basic constraints, the
// holder of an application certificate could otherwise issue certificates of Alipay's.
func isEndCertificate(cert *x509.Certificate) bool {
	name := cert.Subject.CommonName
	return appName.MatchString(name) || strings.HasPrefix(name, alipayName)
}

// sameAuthority reports whether a and b have the same subject or the same key.
func sameAuthority(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) || bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}
