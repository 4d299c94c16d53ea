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

// An AppKey is a new key pair of an application in the formats of Alipay's console and key
// tool. fmt prints nothing of it.
type AppKey struct {
	key                  *rsa.PrivateKey
	pkcs1, pkcs8, public []byte // DER
}

// NewAppKey generates an RSA-2048 key pair, the size that Alipay's key tool generates.
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

// Private returns the private key.
func (k *AppKey) Private() *rsa.PrivateKey { return k.key }

// PKCS8 returns the private key as PKCS#8 in one line of base64, the key tool's format for
// Java.
func (k *AppKey) PKCS8() string { return base64.StdEncoding.EncodeToString(k.pkcs8) }

// PKCS1 returns the private key as PKCS#1 in one line of base64, the key tool's format for
// other languages.
func (k *AppKey) PKCS1() string { return base64.StdEncoding.EncodeToString(k.pkcs1) }

// Public returns the public key as PKIX in one line of base64, the format of the
// application public key (应用公钥) in the console.
func (k *AppKey) Public() string { return base64.StdEncoding.EncodeToString(k.public) }

// PEM returns the private key as PKCS#8 in PEM, the content of an application key file.
func (k *AppKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.pkcs8})
}

// PublicPEM returns the public key as PKIX in PEM.
func (k *AppKey) PublicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.public})
}

// Format implements fmt.Formatter. It writes "keys.AppKey" for every verb, so that no log
// contains the key.
func (k *AppKey) Format(f fmt.State, _ rune) { io.WriteString(f, "keys.AppKey") }

// NewCSR returns the certificate request in PEM that the console requires for certificate
// mode. company must be exactly the company name of the Alipay account, or Alipay rejects
// the request. The common name is appID.
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

// NewColumnKey returns the content of a new column key file. Without the file the
// encrypted columns cannot be decrypted.
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

// RotateColumnKey returns the column key file data with a new primary key for encryption.
// The old keys still decrypt, and indexes do not change. A server with the old file
// returns ErrSealed for new values, so all servers must change together. Errors are those
// of ParseColumnCipher.
func RotateColumnKey(data []byte) ([]byte, error) {
	k, err := parseColumnKeys(data)
	if err != nil {
		return nil, err
	}
	if k.seal, err = rotateKeyset(k.seal, sealParameters()); err != nil {
		return nil, err
	}
	return k.encode()
}

// NewPepperKey returns the content of a new pepper file. Without the file no password can
// be verified.
func NewPepperKey() ([]byte, error) {
	h, err := newKeyset(prfParameters())
	if err != nil {
		return nil, err
	}
	return encodePepper(h)
}

// RotatePepper returns the pepper file data with a new key, which becomes Current. The old
// keys keep their ids. A server with the old file returns ErrUnknownPepper for new hashes,
// so all servers must change together. Errors are those of ParsePepper.
func RotatePepper(data []byte) ([]byte, error) {
	h, err := parsePepperKeys(data)
	if err != nil {
		return nil, err
	}
	if h, err = rotateKeyset(h, prfParameters()); err != nil {
		return nil, err
	}
	return encodePepper(h)
}
