package passwd

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ParseLegacy parses a password digest of an old system:
//
//	{md5}DIGEST                     also sha1, sha256, sha512, sm3, md5-md5
//	{md5-before}SALT$DIGEST         salt before the password; -after, and -hmac with
//	                                the salt as the key, of the same digests
//	$2a$10$…                        bcrypt, also $2b$ and $2y$, also after {bcrypt}
//	pbkdf2_sha256$26000$salt$BASE64 as Django writes it; sha1, sha256, sha512, sm3
//	$pbkdf2-sha256$i=26000$SALT$DIGEST  PHC, with or without "i=" and ",l=32"
//
// DIGEST is hexadecimal in either case or base64. SALT is hex:, base64: or text: followed by the
// salt; in the last form it is base64 without a prefix. Salts have 1 to 64 bytes. The bounds are
// cost 12 for bcrypt and 1,000,000 iterations for each block of output for PBKDF2. ParseLegacy
// returns ErrLegacy with the reason for other texts.
func ParseLegacy(text string) (Legacy, error) {
	switch {
	case len(text) > maxHash:
		return Legacy{}, fmt.Errorf("%w: longer than %d bytes", ErrLegacy, maxHash)
	case strings.HasPrefix(text, "{"):
		return parseBraced(text[1:])
	case strings.HasPrefix(text, "pbkdf2_"):
		return parsePBKDF2(strings.TrimPrefix(text, "pbkdf2_"), django)
	case strings.HasPrefix(text, "$pbkdf2-"):
		return parsePBKDF2(strings.TrimPrefix(text, "$pbkdf2-"), phc)
	case strings.HasPrefix(text, "$2"):
		return parseBcrypt(text)
	}
	return Legacy{}, fmt.Errorf("%w: unknown kind", ErrLegacy)
}

// legacyOf returns the Legacy of a scheme and the text of its digest.
func legacyOf(s scheme, digest string) (Legacy, error) {
	if err := s.check(); err != nil {
		return Legacy{}, err
	}
	raw, ok := legacyBytes(digest, s.length())
	if !ok {
		return Legacy{}, fmt.Errorf("%w: digest is not %d bytes in hex or base64", ErrLegacy, s.length())
	}
	return Legacy{s, string(raw)}, nil
}

// legacyBytes decodes exactly size bytes. The length distinguishes hex from base64.
func legacyBytes(text string, size int) ([]byte, bool) {
	var raw []byte
	var err error
	if len(text) == hex.EncodedLen(size) {
		raw, err = hex.DecodeString(text)
	} else {
		raw, err = base64Any(text)
	}
	return raw, err == nil && len(raw) == size
}

// base64Any decodes base64 with or without padding, and with passlib's "." for "+".
func base64Any(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return base64.RawStdEncoding.DecodeString(strings.ReplaceAll(strings.TrimRight(text, "="), ".", "+"))
}

// parseBraced parses what follows the opening brace.
func parseBraced(text string) (Legacy, error) {
	kind, rest, ok := strings.Cut(text, "}")
	kind = strings.ToLower(kind)
	if !ok || strings.HasPrefix(kind, "pbkdf2-") {
		return Legacy{}, fmt.Errorf("%w: unknown kind", ErrLegacy)
	}
	if kind == "bcrypt" {
		return parseBcrypt(rest)
	}
	s := scheme{kind: kind}
	if at := strings.LastIndexByte(rest, '$'); at >= 0 {
		salt, ok := legacySalt(rest[:at])
		if !ok {
			return Legacy{}, fmt.Errorf("%w: salt is not hex:, base64: or text: and a salt", ErrLegacy)
		}
		s.salt, rest = salt, rest[at+1:]
	}
	return legacyOf(s, rest)
}

// legacySalt parses the salt of a braced digest. The encoding must be given, because many
// salts are valid in several encodings.
func legacySalt(text string) (string, bool) {
	how, text, _ := strings.Cut(text, ":")
	var raw []byte
	var err error
	switch how {
	case "hex":
		raw, err = hex.DecodeString(text)
	case "base64":
		raw, err = base64Any(text)
	case "text":
		return text, true
	default:
		return "", false
	}
	return string(raw), err == nil
}

// parseBcrypt parses "$2a$10$", 22 characters of salt and 31 of digest.
func parseBcrypt(text string) (Legacy, error) {
	const saltEnd = 22
	wrong := fmt.Errorf("%w: not a bcrypt digest of the kinds $2a$, $2b$ and $2y$", ErrLegacy)
	fields := strings.Split(text, "$")
	if len(fields) != 4 || fields[0] != "" || len(fields[3]) != 53 {
		return Legacy{}, wrong
	}
	if v := fields[1]; v != "2a" && v != "2b" && v != "2y" {
		return Legacy{}, wrong
	}
	cost, ok := decimal(fields[2], 2)
	salt, err1 := bcryptBase64.DecodeString(fields[3][:saltEnd])
	digest, err2 := bcryptBase64.DecodeString(fields[3][saltEnd:])
	if !ok || len(fields[2]) != 2 || err1 != nil || err2 != nil || len(digest) != bcryptSize {
		return Legacy{}, wrong
	}
	s := scheme{kind: "bcrypt", cost: cost, salt: string(salt)}
	if err := s.check(); err != nil {
		return Legacy{}, err
	}
	return Legacy{s, string(digest)}, nil
}

// A dialect is a way to write PBKDF2.
type dialect bool

const (
	django dialect = true  // the salt is text
	phc    dialect = false // the salt is base64, parameters may be named
)

// parsePBKDF2 parses "sha256$26000$salt$digest".
func parsePBKDF2(text string, d dialect) (Legacy, error) {
	fields := strings.Split(text, "$")
	if len(fields) != 4 {
		return Legacy{}, fmt.Errorf("%w: PBKDF2 does not consist of digest, iterations, salt and output", ErrLegacy)
	}
	iterations, size := fields[1], ""
	if d == phc {
		iterations, size, _ = strings.Cut(iterations, ",l=")
		iterations = strings.TrimPrefix(iterations, "i=")
	}
	s := scheme{kind: "pbkdf2-" + fields[0], salt: fields[2]}
	var ok bool
	if s.cost, ok = decimal(iterations, 9); !ok {
		return Legacy{}, fmt.Errorf("%w: PBKDF2 iterations are not a number up to %d", ErrLegacy, maxPBKDF2Rounds)
	}
	output, err := base64Any(fields[3])
	if s.size = len(output); err != nil || size != "" && size != strconv.Itoa(s.size) {
		return Legacy{}, fmt.Errorf("%w: PBKDF2 output is not base64 of its length", ErrLegacy)
	}
	if d == phc {
		salt, err := base64Any(fields[2])
		if err != nil {
			return Legacy{}, fmt.Errorf("%w: PBKDF2 salt is not base64", ErrLegacy)
		}
		s.salt = string(salt)
	}
	if err := s.check(); err != nil {
		return Legacy{}, err
	}
	return Legacy{s, string(output)}, nil
}

// decimal parses a number of at most so many digits.
func decimal(text string, digits int) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err == nil && len(text) <= digits
}
