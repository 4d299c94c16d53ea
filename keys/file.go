package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Errors of key files. Errors that wrap them add a text for the operator, which contains
// nothing of the file.
var (
	ErrEmpty        = errors.New("keys: file is empty")
	ErrFormat       = errors.New("keys: invalid format")
	ErrWrongKind    = errors.New("keys: wrong kind of file")
	ErrEncrypted    = errors.New("keys: private key is protected by a passphrase")
	ErrWeak         = errors.New("keys: RSA key is shorter than 2048 bits")
	ErrOpenToOthers = errors.New("keys: file is open to other users")
)

// maxFile is the maximum size of a key or certificate file in bytes. It limits the memory
// that a wrong path, such as a log or a device, can use.
const maxFile = 1 << 20

// ParsePrivateKey parses an RSA private key of at least 2048 bits in PKCS#1 or PKCS#8. data
// is PEM with any label, or base64 without PEM headers, as Alipay's key tool writes it.
// A byte order mark, blanks and all kinds of line ends are ignored. ParsePrivateKey makes
// and verifies a test signature with the key.
//
// Errors: ErrEmpty, ErrFormat, ErrWrongKind, ErrEncrypted, ErrWeak, ErrUnproven.
func ParsePrivateKey(data []byte) (*rsa.PrivateKey, error) {
	held, err := parseOne(data)
	if err != nil {
		return nil, err
	}
	key, ok := held.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: this is %s; expected an RSA private key (for the application: 应用私钥, made together with the public key in the console)", ErrWrongKind, describe(held))
	}
	if err := checkPublic(&key.PublicKey); err != nil {
		return nil, err
	}
	if err := prove(key); err != nil {
		return nil, err
	}
	return key, nil
}

// ParsePublicKey parses an RSA public key of at least 2048 bits in PKIX (the form of
// Alipay's console) or PKCS#1. data is PEM, or base64 without PEM headers.
//
// Errors: ErrEmpty, ErrFormat, ErrWrongKind, ErrEncrypted, ErrWeak.
func ParsePublicKey(data []byte) (*rsa.PublicKey, error) {
	held, err := parseOne(data)
	if err != nil {
		return nil, err
	}
	pub, ok := held.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: this is %s; expected an RSA public key (for Alipay's: 支付宝公钥, copied from the console)", ErrWrongKind, describe(held))
	}
	if err := checkPublic(pub); err != nil {
		return nil, err
	}
	return pub, nil
}

// CheckMode returns ErrOpenToOthers if the mode of the file grants any permission to group
// or others. On Windows, where modes have no such meaning, it returns nil. The functions
// that load files do not call it, so that the caller decides whether to fail or to warn.
func CheckMode(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s: %w: its mode is %04o; run chmod 600 on it", path, ErrOpenToOthers, mode)
	}
	return nil
}

// readFile reads a file of at most maxFile bytes. Its errors contain the path.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: %w: it is larger than %d bytes and so neither a key nor a certificate", path, ErrFormat, maxFile)
	}
	return data, nil
}

// cleanText removes what editors and copying add: a byte order mark, blank lines, blanks
// at the ends of lines, carriage returns.
func cleanText(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return nil, fmt.Errorf("%w: the text is UTF-16; save it again as UTF-8", ErrFormat)
	}
	var lines [][]byte
	for line := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\r' || r == '\n' }) {
		line = bytes.TrimSpace(bytes.Trim(line, "\ufeff \t"))
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%w: it contains only blanks", ErrEmpty)
	}
	return append(bytes.Join(lines, []byte("\n")), '\n'), nil
}

// parseOne parses the only object in the file. It may be of any kind, so that the error
// of a caller that expects another kind can describe it.
func parseOne(data []byte) (any, error) {
	text, err := cleanText(data)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(text, []byte("-----")) {
		return parseHeaderless(text)
	}
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	block := blocks[0]
	// A certificate file may contain issuers, too; the first block determines the kind.
	if len(blocks) > 1 && block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%w: %d PEM blocks in one file; keep only the expected key", ErrFormat, len(blocks))
	}
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errEncrypted()
	}
	return parseDER(block.Bytes)
}

// parseHeaderless parses base64 without PEM headers, with or without line breaks.
func parseHeaderless(text []byte) (any, error) {
	packed := bytes.Join(bytes.Fields(text), nil)
	der, err := base64.StdEncoding.AppendDecode(nil, packed)
	if err != nil {
		// The decoder's error is dropped, because it may quote the file.
		return nil, fmt.Errorf("%w: neither PEM nor base64; copy the complete key again", ErrFormat)
	}
	return parseDER(der)
}

// pemBlocks returns all blocks. It returns an error for a damaged block, which pem.Decode
// skips silently.
func pemBlocks(text []byte) ([]*pem.Block, error) {
	var blocks []*pem.Block
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		blocks = append(blocks, block)
	}
	begun, ended := bytes.Count(text, []byte("-----BEGIN ")), bytes.Count(text, []byte("-----END "))
	if len(blocks) == 0 || len(blocks) != begun || len(blocks) != ended {
		return nil, fmt.Errorf("%w: damaged PEM; copy it again, from the BEGIN line to the END line, keeping the line breaks", ErrFormat)
	}
	return blocks, nil
}

// parseDER tries all supported structures. No encoding is valid for two of them.
func parseDER(der []byte) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if pub, err := x509.ParsePKIXPublicKey(der); err == nil {
		return pub, nil
	}
	if pub, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return pub, nil
	}
	if cert, err := x509.ParseCertificate(der); err == nil {
		return cert, nil
	}
	if req, err := x509.ParseCertificateRequest(der); err == nil {
		return req, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if isEncryptedPKCS8(der) {
		return nil, errEncrypted()
	}
	return nil, fmt.Errorf("%w: it contains no RSA key; it may be truncated or of another kind (SM2 is not supported; RSA2 with 2048 bits is)", ErrFormat)
}

// isEncryptedPKCS8 reports whether der is an EncryptedPrivateKeyInfo (RFC 5958, section 3).
func isEncryptedPKCS8(der []byte) bool {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	rest, err := asn1.Unmarshal(der, &info)
	return err == nil && len(rest) == 0
}

func errEncrypted() error {
	return fmt.Errorf("%w: remove it (openssl pkcs8 -topk8 -nocrypt) and protect the file by its mode instead", ErrEncrypted)
}

// describe returns the kind of a result of parseDER in words.
func describe(held any) string {
	switch held.(type) {
	case *rsa.PrivateKey:
		return "a private key"
	case *rsa.PublicKey:
		return "a public key"
	case *x509.Certificate:
		return "a certificate"
	case *x509.CertificateRequest:
		return "a certificate request (CSR)"
	case *ecdsa.PrivateKey, *ecdsa.PublicKey, ed25519.PrivateKey, ed25519.PublicKey:
		return "an elliptic-curve key"
	default:
		return "a key of another algorithm"
	}
}

// checkPublic returns ErrWeak for a key that is too short for RSA2, and ErrFormat for an
// exponent with which signatures are not secure.
func checkPublic(pub *rsa.PublicKey) error {
	if pub.N == nil {
		return fmt.Errorf("%w: the RSA key has no modulus", ErrFormat)
	}
	if pub.N.BitLen() < 2048 {
		return fmt.Errorf("%w: it has %d bits", ErrWeak, pub.N.BitLen())
	}
	if pub.E < 3 || pub.E%2 == 0 {
		return fmt.Errorf("%w: its RSA exponent is not an odd number greater than 1", ErrFormat)
	}
	return nil
}
