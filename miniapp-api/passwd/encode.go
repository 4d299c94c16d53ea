package passwd

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fundpass/miniapp-api/passwd/argon2id"
)

// ErrHash is returned for a stored hash that is malformed or whose parameters are out of
// bounds.
var ErrHash = errors.New("passwd: malformed password hash")

// Sizes of the parts of a stored hash in bytes.
const (
	saltSize = 16
	tagSize  = 32
	maxHash  = 512 // the whole text
)

// Bounds of the parameters, so that a stored hash cannot use all memory or take minutes.
const (
	maxLayers  = 8         // pepper keys applied to one hash
	maxMemory  = 128 << 10 // KiB
	maxTime    = 16
	maxThreads = 16
)

// params is the cost of argon2id in a stored hash.
type params argon2id.Params

func (p params) valid() bool {
	return 1 <= p.Threads && p.Threads <= maxThreads && 1 <= p.Time && p.Time <= maxTime &&
		8*uint32(p.Threads) <= p.Memory && p.Memory <= maxMemory
}

// work returns the number of blocks of 1 KiB that a hash fills, which is the cost of an
// attempt.
func (p params) work() uint64 { return uint64(p.Memory) * uint64(p.Time) }

// A stored is a password hash as the database stores it.
type stored struct {
	params
	kids []uint32 // ids of the pepper keys of tag, in the order in which they were applied
	pre  string   // scheme of the legacy digest that was hashed instead of the password, or ""
	salt []byte
	tag  []byte // HMAC of the argon2id output with the first key, HMAC of that with the next, ...
}

// String formats the hash in the PHC string format with two parameters of its own:
//
//	$argon2id$v=19$m=19456,t=2,p=1,kid=<id>[.<id>...][,pre=md5]$<salt>$<tag>
//
// salt and tag are base64 without padding. Several ids are the keys that Rekey has added to
// the first, oldest first.
func (s stored) String() string {
	pre := ""
	if s.pre != "" {
		pre = ",pre=" + s.pre
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d,kid=%s%s$%s$%s",
		argon2id.Version, s.Memory, s.Time, s.Threads, s.layers(), pre, b64(s.salt), b64(s.tag))
}

func (s stored) layers() string {
	ids := make([]string, len(s.kids))
	for i, kid := range s.kids {
		ids[i] = strconv.FormatUint(uint64(kid), 10)
	}
	return strings.Join(ids, ".")
}

// parseHash parses exactly what String formats, so that a hash has only one text. It
// returns ErrHash for other texts.
func parseHash(text string) (stored, error) {
	fields := strings.Split(text, "$")
	if len(text) > maxHash || len(fields) != 6 {
		return stored{}, ErrHash
	}
	s, ok := parseParams(fields[3])
	if !ok || !s.valid() {
		return stored{}, ErrHash
	}
	if _, ok := parseScheme(s.pre); s.pre != "" && !ok {
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

// parseParams parses "m=19456,t=2,p=1,kid=7.8,pre=md5". The caller compares the spelling.
func parseParams(text string) (s stored, ok bool) {
	fields := strings.Split(text, ",")
	if len(fields) < 4 || len(fields) > 5 {
		return s, false
	}
	var n [3]uint64
	for i, key := range []string{"m=", "t=", "p="} {
		value, found := strings.CutPrefix(fields[i], key)
		var err error
		if n[i], err = strconv.ParseUint(value, 10, 32); err != nil || !found {
			return s, false
		}
	}
	if s.kids, ok = parseLayers(fields[3]); !ok {
		return s, false
	}
	if len(fields) == 5 {
		if s.pre, ok = strings.CutPrefix(fields[4], "pre="); !ok || s.pre == "" {
			return s, false
		}
	}
	s.params = params{Memory: uint32(n[0]), Time: uint32(n[1]), Threads: uint8(min(n[2], maxThreads+1))}
	return s, true
}

// parseLayers parses "kid=7.8": 1 to maxLayers different ids.
func parseLayers(text string) ([]uint32, bool) {
	value, ok := strings.CutPrefix(text, "kid=")
	ids := strings.Split(value, ".")
	if !ok || len(ids) > maxLayers {
		return nil, false
	}
	kids := make([]uint32, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil || slices.Contains(kids[:i], uint32(n)) {
			return nil, false
		}
		kids[i] = uint32(n)
	}
	return kids, true
}
