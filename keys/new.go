package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
)

// An AppKey is a new key pair for an application, in the forms Alipay's
// console and key tool take. Printing one shows nothing of the key.
type AppKey struct {
	key                  *rsa.PrivateKey
	pkcs1, pkcs8, public []byte // DER
}

// NewAppKey makes an RSA-2048 key pair, the size Alipay's key tool makes.
func NewAppKey() (*AppKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("keys: new application key: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("keys: new application key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("keys: new application key: %w", err)
	}
	return &AppKey{key: key, pkcs1: x509.MarshalPKCS1PrivateKey(key), pkcs8: pkcs8, public: public}, nil
}

// Private returns the key itself.
func (k *AppKey) Private() *rsa.PrivateKey { return k.key }

// PKCS8 returns the private key as one line of base64, the key tool's "Java" form.
func (k *AppKey) PKCS8() string { return base64.StdEncoding.EncodeToString(k.pkcs8) }

// PKCS1 returns the private key as one line of base64, the key tool's form for
// other languages.
func (k *AppKey) PKCS1() string { return base64.StdEncoding.EncodeToString(k.pkcs1) }

// Public returns the public key (PKIX) as one line of base64: what is pasted
// into the console as the application public key (应用公钥).
func (k *AppKey) Public() string { return base64.StdEncoding.EncodeToString(k.public) }

// PEM returns the private key as PKCS#8 in PEM, what an application key file holds.
func (k *AppKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.pkcs8})
}

// PublicPEM returns the public key as PKIX in PEM.
func (k *AppKey) PublicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.public})
}

// Format prints the same word for every verb, so that no log shows the key.
func (k *AppKey) Format(f fmt.State, _ rune) { io.WriteString(f, "keys.AppKey") }

// NewCSR returns the certificate request (PEM) that the console asks for when
// an application turns to certificate mode. company must be the name of the
// company the Alipay account belongs to, letter by letter, or Alipay refuses
// the request; the application id becomes the common name.
//
// Errors: ErrIncomplete, ErrFormat, ErrWrongKind, ErrWeak.
func NewCSR(key crypto.Signer, company, appID string) ([]byte, error) {
	company = strings.TrimSpace(company)
	if company == "" {
		return nil, fmt.Errorf("%w: the company name of the Alipay account", ErrIncomplete)
	}
	if err := checkAppID(appID); err != nil {
		return nil, err
	}
	pub, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the application's key is not RSA", ErrWrongKind)
	}
	if err := checkPublic(pub); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:            pkix.Name{Organization: []string{company}, CommonName: appID},
		SignatureAlgorithm: x509.SHA256WithRSA,
	}, key)
	if err != nil {
		return nil, fmt.Errorf("keys: new certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// NewColumnKey returns the content of a new column key file: JSON with one key to
// seal and one for indexes. Whoever loses it loses the sealed columns.
func NewColumnKey() ([]byte, error) {
	seal, err := newKeyset(sealParameters())
	if err != nil {
		return nil, err
	}
	index, err := newKeyset(prfParameters())
	if err != nil {
		return nil, err
	}
	return columnKeys{seal: seal, index: index}.encode()
}

// RotateColumnKey returns the column key file with a fresh key that seals from now
// on; every old key still opens, and indexes stay as they are. A server that
// still has the old file answers ErrSealed for values sealed with the new one,
// so change all servers together. Errors are ParseColumnCipher's.
func RotateColumnKey(data []byte) ([]byte, error) {
	k, err := parseColumnKeys(data)
	if err != nil {
		return nil, err
	}
	if k.seal, err = rotated(k.seal, sealParameters()); err != nil {
		return nil, err
	}
	return k.encode()
}

// NewPepperKey returns the content of a new pepper file. Whoever loses it
// loses every password.
func NewPepperKey() ([]byte, error) {
	h, err := newKeyset(prfParameters())
	if err != nil {
		return nil, err
	}
	return encodePepper(h)
}

// RotatePepper returns the pepper file with a fresh key that becomes Current;
// the old ones keep their ids. As with RotateColumnKey, change all servers together:
// the old file does not know the new id. Errors are ParsePepper's.
func RotatePepper(data []byte) ([]byte, error) {
	h, err := parsePepperKeys(data)
	if err != nil {
		return nil, err
	}
	if h, err = rotated(h, prfParameters()); err != nil {
		return nil, err
	}
	return encodePepper(h)
}
