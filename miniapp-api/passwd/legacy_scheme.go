package passwd

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/emmansun/gmsm/sm3"
)

// Bounds of the cost of old kinds, so that neither a roster nor a stored hash can make a
// verification take minutes. At either bound an attempt takes a quarter to half a second of a core.
const (
	minBcryptCost   = 4
	maxBcryptCost   = 12
	maxPBKDF2Rounds = 1_000_000 // iterations times blocks of output
	minPBKDF2Size   = 16        // bytes of output
	maxPBKDF2Size   = 64
	maxLegacySalt   = 64 // bytes
)

// legacyDigests are the digests found in centres' core systems, alone or as part of
// another form.
var legacyDigests = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New, "sm3": sm3.New,
}

// A scheme describes how an old system made a digest from a password.
type scheme struct {
	// kind is a digest ("md5"), "md5-md5" (md5 over the first one's lower-case
	// hex), a digest with "-before" or "-after" (the position of the salt) or "-hmac"
	// (the salt is the key), "bcrypt", or "pbkdf2-" and a digest.
	kind string
	cost int    // bcrypt's exponent, PBKDF2's iterations
	size int    // bytes of output, of PBKDF2 only
	salt string // raw bytes
}

// String formats the scheme for a stored hash; salts are base64 without padding:
//
//	md5 | md5-before:SALT | bcrypt:COST:SALT | pbkdf2-sha256:ITERATIONS:SIZE:SALT
func (s scheme) String() string {
	text := s.kind
	for _, n := range []int{s.cost, s.size} {
		if n != 0 {
			text += ":" + strconv.Itoa(n)
		}
	}
	if s.salt != "" {
		text += ":" + base64.RawStdEncoding.EncodeToString([]byte(s.salt))
	}
	return text
}

// parseScheme parses exactly what String formats.
func parseScheme(text string) (scheme, bool) {
	fields := strings.Split(text, ":")
	s := scheme{kind: fields[0]}
	if last := len(fields) - 1; last > 0 {
		salt, err := base64.RawStdEncoding.DecodeString(fields[last])
		if err != nil {
			return scheme{}, false
		}
		s.salt, fields = string(salt), fields[:last]
	}
	numbers := []*int{&s.cost, &s.size}
	if len(fields)-1 > len(numbers) {
		return scheme{}, false
	}
	for i, field := range fields[1:] {
		*numbers[i], _ = strconv.Atoi(field) // an invalid number differs from the spelling below
	}
	return s, s.check() == nil && s.String() == text
}

// check returns ErrLegacy with the reason if a scheme is invalid.
func (s scheme) check() error {
	digest, form, _ := strings.Cut(s.kind, "-")
	switch {
	case s.kind == "bcrypt":
		return s.checkBcrypt()
	case digest == "pbkdf2" && legacyDigests[form] != nil:
		return s.checkPBKDF2()
	case legacyDigests[digest] == nil || s.cost != 0 || s.size != 0:
		return fmt.Errorf("%w: unknown kind", ErrLegacy)
	}
	switch {
	case s.kind == digest, s.kind == "md5-md5":
		if s.salt != "" {
			return fmt.Errorf("%w: salt for a kind without one", ErrLegacy)
		}
		return nil
	case form == "before", form == "after", form == "hmac":
		return s.checkSalt()
	}
	return fmt.Errorf("%w: unknown kind", ErrLegacy)
}

func (s scheme) checkSalt() error {
	if len(s.salt) < 1 || len(s.salt) > maxLegacySalt {
		return fmt.Errorf("%w: salt is not 1 to %d bytes", ErrLegacy, maxLegacySalt)
	}
	return nil
}

func (s scheme) checkBcrypt() error {
	switch {
	case s.cost < minBcryptCost || s.cost > maxBcryptCost:
		return fmt.Errorf("%w: bcrypt cost is not %d to %d", ErrLegacy, minBcryptCost, maxBcryptCost)
	case len(s.salt) != bcryptSalt || s.size != 0:
		return fmt.Errorf("%w: not a bcrypt digest", ErrLegacy)
	}
	return nil
}

func (s scheme) checkPBKDF2() error {
	if s.size < minPBKDF2Size || s.size > maxPBKDF2Size {
		return fmt.Errorf("%w: PBKDF2 output is not %d to %d bytes", ErrLegacy, minPBKDF2Size, maxPBKDF2Size)
	}
	_, digest, _ := strings.Cut(s.kind, "-")
	block := legacyDigests[digest]().Size()
	blocks := (s.size + block - 1) / block
	if s.cost < 1 || s.cost > maxPBKDF2Rounds/blocks {
		return fmt.Errorf("%w: PBKDF2 iterations times blocks of output are not 1 to %d", ErrLegacy, maxPBKDF2Rounds)
	}
	return s.checkSalt()
}

func (s scheme) slow() bool { return s.cost != 0 }

// length returns the size of a digest of this scheme in bytes.
func (s scheme) length() int {
	switch digest, _, _ := strings.Cut(s.kind, "-"); digest {
	case "bcrypt":
		return bcryptSize
	case "pbkdf2":
		return s.size
	default:
		return legacyDigests[digest]().Size()
	}
}

// sum returns the old system's digest of a password, or nil for a password that the old
// system could not tell from another one. The scheme must be valid.
func (s scheme) sum(password []byte) []byte {
	digest, form, _ := strings.Cut(s.kind, "-")
	switch {
	case s.kind == "bcrypt":
		return bcryptSum(password, s.cost, []byte(s.salt))
	case digest == "pbkdf2":
		sum, err := pbkdf2.Key(legacyDigests[form], string(password), []byte(s.salt), s.cost, s.size)
		if err != nil {
			return nil // only a binary restricted to FIPS 140 refuses a digest
		}
		return sum
	}
	h := legacyDigests[digest]()
	switch form {
	case "before":
		h.Write([]byte(s.salt))
	case "hmac":
		h = hmac.New(legacyDigests[digest], []byte(s.salt))
	case "md5":
		first := md5.Sum(password)
		password = hex.AppendEncode(nil, first[:])
	}
	h.Write(password)
	if form == "after" {
		h.Write([]byte(s.salt))
	}
	return h.Sum(nil)
}
