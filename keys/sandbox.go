package keys

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Alipay's sandbox issues under a root of its own, which is not in alipayRootCert.crt,
// and its intermediate certificate does not say that it is an authority, so that
// x509.Verify refuses the chain whatever the roots. For that one shape there is an
// exception, under a root that the operator pins; the root file's way stays as it is.

// sandboxDepth is how many issuers stand above the sandbox's end certificate: the
// intermediate and the pinned root.
const sandboxDepth = 2

// strongHashes are the signatures the exception takes: Certificate.CheckSignature
// would still take SHA-1.
var strongHashes = []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}

// parseSandboxRoots reads the pinned roots. Each must have issued itself, and none may
// be of the root file: its chains are not excused from anything.
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
			return nil, fmt.Errorf("%w: certificate %d of %d is not a root: it has not signed itself", ErrWrongKind, i+1, len(ders))
		case slices.ContainsFunc(production.certs, func(c *x509.Certificate) bool { return sameAuthority(c, root) }):
			return nil, fmt.Errorf("%w: certificate %d of %d is in Alipay's root file; only the sandbox's root may be pinned", ErrWrongKind, i+1, len(ders))
		}
		roots[i] = root
	}
	return roots, nil
}

// verifySandbox checks by name and signature that chain[0] is a certificate of
// Alipay's under one of the pinned roots, at most one intermediate between, all of them
// valid now. Errors: ErrValidity, ErrUntrusted.
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

// issuerOf returns which of candidates issued cert, or nil.
func issuerOf(cert *x509.Certificate, candidates []*x509.Certificate) *x509.Certificate {
	i := slices.IndexFunc(candidates, func(c *x509.Certificate) bool { return issued(c, cert) })
	if i < 0 {
		return nil
	}
	return candidates[i]
}

// issued says whether issuer's name stands in cert and issuer's key signed it.
func issued(issuer, cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, issuer.RawSubject) &&
		slices.Contains(strongHashes, cert.SignatureAlgorithm) &&
		issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// isEndCertificate knows the names of those that must not issue: with nobody looking
// whether an issuer is an authority, the holder of an application certificate could
// make Alipay certificates.
func isEndCertificate(cert *x509.Certificate) bool {
	name := cert.Subject.CommonName
	return appName.MatchString(name) || strings.HasPrefix(name, alipayName)
}

// sameAuthority: two certificates of one name or one key are the same authority.
func sameAuthority(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) || bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}
