package keys

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// A rootFile is the parsed content of alipayRootCert.crt.
type rootFile struct {
	pool  *x509.CertPool
	certs []*x509.Certificate // those in the pool
	sn    string              // alipay_root_cert_sn: SNs of the RSA-signed roots in file order, joined with "_"
}

// OID prefixes of signature algorithms: RSA (RFC 8017, appendix C), and the Chinese
// commercial algorithms (GM/T 0006), which include SM2.
const (
	rsaSigned     = "1.2.840.113549.1.1."
	chineseSigned = "1.2.156.10197.1."
)

// parseRoots parses alipayRootCert.crt. The file contains an SM2 root, which crypto/x509
// does not support and parseRoots skips, like Alipay's SDKs. Any other certificate that is
// damaged or is not a root is an error, because it would change the SN or the trust.
func parseRoots(data []byte) (rootFile, error) {
	ders, err := certBlocks(data)
	if err != nil {
		return rootFile{}, err
	}
	roots, sns := rootFile{pool: x509.NewCertPool()}, []string(nil)
	for i, der := range ders {
		root, algorithm, err := parseRoot(der)
		if err != nil {
			return rootFile{}, fmt.Errorf("certificate %d of %d: %w", i+1, len(ders), err)
		}
		if root == nil {
			continue
		}
		roots.pool.AddCert(root)
		roots.certs = append(roots.certs, root)
		if !strings.HasPrefix(algorithm, rsaSigned) {
			continue
		}
		sn, err := CertSN(root)
		if err != nil {
			return rootFile{}, err
		}
		sns = append(sns, sn)
	}
	if len(sns) == 0 {
		return rootFile{}, fmt.Errorf("%w: it contains no RSA root; expected alipayRootCert.crt", ErrWrongKind)
	}
	roots.sn = strings.Join(sns, "_")
	return roots, nil
}

var (
	errCorruptRoot = fmt.Errorf("%w: it is truncated or damaged; download alipayRootCert.crt again", ErrFormat)
	errNotRoot     = fmt.Errorf("%w: it is not a self-signed certificate authority; expected alipayRootCert.crt", ErrWrongKind)
)

// parseRoot returns a root and its signature algorithm. The root is nil if it is valid but
// crypto/x509 does not support its algorithm.
func parseRoot(der []byte) (*x509.Certificate, string, error) {
	outline, err := outlineOf(der)
	if err != nil {
		return nil, "", errCorruptRoot
	}
	algorithm := outline.Algorithm.Algorithm.String()
	root, err := x509.ParseCertificate(der)
	if err != nil && !strings.HasPrefix(algorithm, chineseSigned) {
		return nil, "", errCorruptRoot
	}
	if !outline.isAuthority() || !bytes.Equal(outline.TBS.Issuer.FullBytes, outline.TBS.Subject.FullBytes) {
		return nil, "", errNotRoot
	}
	if root == nil || strings.HasPrefix(algorithm, chineseSigned) {
		return nil, algorithm, nil
	}
	if root.CheckSignature(root.SignatureAlgorithm, root.RawTBSCertificate, root.Signature) != nil {
		return nil, "", errCorruptRoot
	}
	return root, algorithm, nil
}

// An outline is the ASN.1 structure of a certificate (RFC 5280, section 4.1), independent
// of its algorithms.
type outline struct {
	TBS struct {
		Raw       asn1.RawContent
		Version   int `asn1:"optional,explicit,default:0,tag:0"`
		Serial    *big.Int
		Algorithm pkix.AlgorithmIdentifier
		Issuer    asn1.RawValue
		Validity  struct{ NotBefore, NotAfter time.Time }
		Subject   asn1.RawValue
		PublicKey struct {
			Algorithm pkix.AlgorithmIdentifier
			Key       asn1.BitString
		}
		IssuerUnique  asn1.BitString   `asn1:"optional,tag:1"`
		SubjectUnique asn1.BitString   `asn1:"optional,tag:2"`
		Extensions    []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
	}
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// outlineOf parses der, which must not have trailing data.
func outlineOf(der []byte) (outline, error) {
	var o outline
	rest, err := asn1.Unmarshal(der, &o)
	if err == nil && len(rest) > 0 {
		err = errors.New("keys: trailing data after a certificate")
	}
	return o, err
}

// basicConstraints is the OID of the extension basicConstraints (RFC 5280, 4.2.1.9).
var basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}

// isAuthority reports whether basicConstraints has cA set.
func (o outline) isAuthority() bool {
	for _, e := range o.TBS.Extensions {
		var constraints struct {
			IsCA    bool `asn1:"optional"`
			PathLen int  `asn1:"optional,default:-1"`
		}
		if e.Id.Equal(basicConstraints) {
			rest, err := asn1.Unmarshal(e.Value, &constraints)
			return err == nil && len(rest) == 0 && constraints.IsCA
		}
	}
	return false
}
