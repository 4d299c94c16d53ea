package passwd

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrHash is returned for a stored hash that is not one of ours, or whose
// parameters are outside the bounds.
var ErrHash = errors.New("passwd: malformed password hash")

// Sizes in a stored hash, in bytes.
const (
	saltSize = 16
	tagSize  = 32
	maxHash  = 256 // the whole text
)

// Bounds of the parameters, so that a stored hash cannot ask for all memory or
// for minutes of work.
const (
	maxMemory  = 128 << 10 // KiB
	maxTime    = 16
	maxThreads = 16
)

// params are the cost of argon2id (RFC 9106).
type params struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

func (p params) valid() bool {
	return 1 <= p.threads && p.threads <= maxThreads && 1 <= p.time && p.time <= maxTime &&
		8*uint32(p.threads) <= p.memory && p.memory <= maxMemory
}

// A stored is a password hash as it is kept in the database.
type stored struct {
	params
	kid  uint32 // pepper key that made tag
	pre  string // legacy digest the password went through first, or ""
	salt []byte
	tag  []byte // HMAC of the argon2id output under the pepper
}

// String writes the hash in the PHC string format, with two parameters of ours:
//
//	$argon2id$v=19$m=19456,t=2,p=1,kid=<id>[,pre=md5]$<salt>$<tag>
//
// salt and tag are base64 without padding.
func (s stored) String() string {
	pre := ""
	if s.pre != "" {
		pre = ",pre=" + s.pre
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d,kid=%d%s$%s$%s",
		argon2.Version, s.memory, s.time, s.threads, s.kid, pre, b64(s.salt), b64(s.tag))
}

// parseHash reads what String writes, and nothing else: there is one text for
// one hash. Error: ErrHash.
func parseHash(text string) (stored, error) {
	fields := strings.Split(text, "$")
	if len(text) > maxHash || len(fields) != 6 {
		return stored{}, ErrHash
	}
	s, ok := parseParams(fields[3])
	if !ok || !s.valid() || s.pre != "" && legacyDigests[s.pre].sum == nil {
		return stored{}, ErrHash
	}
	var err1, err2 error
	s.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(fields[4])
	s.tag, err2 = base64.RawStdEncoding.Strict().DecodeString(fields[5])
	if err1 != nil || err2 != nil || len(s.salt) != saltSize || len(s.tag) != tagSize || s.String() != text {
		return stored{}, ErrHash
	}
	return s, nil
}

// parseParams reads "m=19456,t=2,p=1,kid=7,pre=md5"; the caller compares the
// spelling.
func parseParams(text string) (s stored, ok bool) {
	fields := strings.Split(text, ",")
	if len(fields) < 4 || len(fields) > 5 {
		return s, false
	}
	var n [4]uint64
	for i, key := range []string{"m=", "t=", "p=", "kid="} {
		value, found := strings.CutPrefix(fields[i], key)
		var err error
		if n[i], err = strconv.ParseUint(value, 10, 32); err != nil || !found {
			return s, false
		}
	}
	if len(fields) == 5 {
		if s.pre, ok = strings.CutPrefix(fields[4], "pre="); !ok || s.pre == "" {
			return s, false
		}
	}
	s.params = params{memory: uint32(n[0]), time: uint32(n[1]), threads: uint8(min(n[2], maxThreads+1))}
	s.kid = uint32(n[3])
	return s, true
}
