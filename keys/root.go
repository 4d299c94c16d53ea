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

// rootFile is alipayRootCert.crt.
type rootFile struct {
	pool  *x509.CertPool
	certs []*x509.Certificate // those in the pool
	sn    string              // alipay_root_cert_sn: SNs of the RSA-signed roots, file order, joined with "_"
}

// Arcs of signature algorithms: RSA (RFC 8017, appendix C), and the Chinese commercial
// ones (GM/T 0006), SM2 among them.
const (
	rsaSigned     = "1.2.840.113549.1.1."
	chineseSigned = "1.2.156.10197.1."
)

// parseRoots reads alipayRootCert.crt. It holds an SM2 root that crypto/x509 cannot
// read; that one is skipped, as Alipay's own SDKs do. Anything else that is not whole,
// or not a root, is an error, because it would change the SN or whom we trust.
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
		return rootFile{}, fmt.Errorf("%w: no RSA root in it; alipayRootCert.crt is wanted", ErrWrongKind)
	}
	roots.sn = strings.Join(sns, "_")
	return roots, nil
}

var (
	errCorruptRoot = fmt.Errorf("%w: it is cut or damaged; download alipayRootCert.crt again", ErrFormat)
	errNoRoot      = fmt.Errorf("%w: it is no root, which is an authority and has issued itself; alipayRootCert.crt is wanted", ErrWrongKind)
)

// parseRoot returns a root and its signature algorithm, or nil for one whose algorithm
// crypto/x509 does not know.
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
		return nil, "", errNoRoot
	}
	if root == nil || strings.HasPrefix(algorithm, chineseSigned) {
		return nil, algorithm, nil
	}
	if root.CheckSignature(root.SignatureAlgorithm, root.RawTBSCertificate, root.Signature) != nil {
		return nil, "", errCorruptRoot
	}
	return root, algorithm, nil
}

// An outline is a certificate (RFC 5280, section 4.1) as far as it can be read whatever
// its algorithms are.
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

// outlineOf reads der to its end.
func outlineOf(der []byte) (outline, error) {
	var o outline
	rest, err := asn1.Unmarshal(der, &o)
	if err == nil && len(rest) > 0 {
		err = errors.New("keys: bytes behind a certificate")
	}
	return o, err
}

// basicConstraints is the extension that says whether a certificate is an authority's.
var basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}

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
