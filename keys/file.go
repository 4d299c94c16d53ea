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

// What can be wrong with a key file. The text that follows a sentinel says
// what to do; it never holds a byte of the file.
var (
	ErrEmpty        = errors.New("keys: file is empty")
	ErrFormat       = errors.New("keys: not readable")
	ErrWrongKind    = errors.New("keys: wrong kind of file")
	ErrEncrypted    = errors.New("keys: private key is protected by a passphrase")
	ErrWeak         = errors.New("keys: RSA key is shorter than 2048 bits")
	ErrOpenToOthers = errors.New("keys: file is open to other users")
)

// maxFile is far above any key or certificate file, and keeps a wrong path
// (a log, a device) from filling the memory.
const maxFile = 1 << 20

// ParsePrivateKey reads an RSA private key of at least 2048 bits: PEM, or the
// headerless base64 that Alipay's key tool writes, in PKCS#1 or PKCS#8 under
// whichever PEM label. A byte order mark, blanks and line ends of any system
// are tolerated. The key has signed and verified something before it is
// returned.
//
// Errors: ErrEmpty, ErrFormat, ErrWrongKind, ErrEncrypted, ErrWeak, ErrUnproven.
func ParsePrivateKey(data []byte) (*rsa.PrivateKey, error) {
	held, err := parseOne(data)
	if err != nil {
		return nil, err
	}
	key, ok := held.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: this is %s; an RSA private key is wanted (for the application: 应用私钥, kept by whoever made the key pair)", ErrWrongKind, describe(held))
	}
	if err := checkPublic(&key.PublicKey); err != nil {
		return nil, err
	}
	if err := prove(key); err != nil {
		return nil, err
	}
	return key, nil
}

// ParsePublicKey reads an RSA public key of at least 2048 bits, in PKIX form
// (as the Alipay console shows it) or PKCS#1, PEM or headerless base64.
//
// Errors: ErrEmpty, ErrFormat, ErrWrongKind, ErrEncrypted, ErrWeak.
func ParsePublicKey(data []byte) (*rsa.PublicKey, error) {
	held, err := parseOne(data)
	if err != nil {
		return nil, err
	}
	pub, ok := held.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: this is %s; an RSA public key is wanted (for Alipay's: 支付宝公钥, copied from the console)", ErrWrongKind, describe(held))
	}
	if err := checkPublic(pub); err != nil {
		return nil, err
	}
	return pub, nil
}

// CheckMode returns ErrOpenToOthers when the file's group or anybody else has
// any right to it. On Windows, whose modes say nothing about that, it returns
// nil for every file. Loading never calls it: whether an open file is fatal
// or a warning is for the caller to say.
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

// readFile reads a small file; its errors name the path.
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
		return nil, fmt.Errorf("%s: %w: larger than %d bytes, so neither a key nor a certificate", path, ErrFormat, maxFile)
	}
	return data, nil
}

// cleanText drops what editors and copying add: a byte order mark, blank
// lines, blanks at either end of a line, carriage returns.
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
		return nil, fmt.Errorf("%w: nothing but blanks in it", ErrEmpty)
	}
	return append(bytes.Join(lines, []byte("\n")), '\n'), nil
}

// parseOne returns the one thing the file holds, whatever its kind, so that a
// caller who wanted something else can say what it was given.
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
	// A certificate file may hold its issuers too; the first says what it is.
	if len(blocks) > 1 && block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%w: %d PEM blocks in one file; leave only the key wanted here", ErrFormat, len(blocks))
	}
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errEncrypted()
	}
	return parseDER(block.Bytes)
}

// parseHeaderless reads base64 without armour, wrapped anywhere or nowhere.
func parseHeaderless(text []byte) (any, error) {
	packed := bytes.Join(bytes.Fields(text), nil)
	der, err := base64.StdEncoding.AppendDecode(nil, packed)
	if err != nil {
		// The decoder's own error is dropped: nothing of the file may travel.
		return nil, fmt.Errorf("%w: neither PEM nor base64; copy the key again, whole, with nothing added", ErrFormat)
	}
	return parseDER(der)
}

// pemBlocks returns every block. A block that pem.Decode would silently step
// over, because its armour or base64 is damaged, is an error.
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

// parseDER tries every form in turn; no two of them share an encoding.
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
	return nil, fmt.Errorf("%w: no RSA key in it; it may be cut short, or of another kind (SM2 is not supported; RSA2 with 2048 bits is)", ErrFormat)
}

// isEncryptedPKCS8 recognises EncryptedPrivateKeyInfo (RFC 5958, section 3).
func isEncryptedPKCS8(der []byte) bool {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	rest, err := asn1.Unmarshal(der, &info)
	return err == nil && len(rest) == 0
}

func errEncrypted() error {
	return fmt.Errorf("%w: write it without one (openssl pkcs8 -topk8 -nocrypt) and guard the file by its mode instead", ErrEncrypted)
}

// describe names what parseDER returned, for a person.
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

// checkPublic refuses keys that are too short for RSA2, and exponents with
// which a signature proves nothing.
func checkPublic(pub *rsa.PublicKey) error {
	if pub.N == nil {
		return fmt.Errorf("%w: an RSA key without a modulus", ErrFormat)
	}
	if pub.N.BitLen() < 2048 {
		return fmt.Errorf("%w: it has %d; RSA2 needs 2048 or more", ErrWeak, pub.N.BitLen())
	}
	if pub.E < 3 || pub.E%2 == 0 {
		return fmt.Errorf("%w: its RSA exponent is not an odd number above 1", ErrFormat)
	}
	return nil
}
