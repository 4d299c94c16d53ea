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

// ErrHash is returned for a stored hash that is not one of ours, or whose
// parameters are outside the bounds.
var ErrHash = errors.New("passwd: malformed password hash")

// Sizes in a stored hash, in bytes.
const (
	saltSize = 16
	tagSize  = 32
	maxHash  = 512 // the whole text
)

// Bounds of the parameters, so that a stored hash cannot ask for all memory or
// for minutes of work.
const (
	maxLayers  = 8         // pepper keys one over the other
	maxMemory  = 128 << 10 // KiB
	maxTime    = 16
	maxThreads = 16
)

// params are the cost of argon2id that stands in a stored hash.
type params argon2id.Params

func (p params) valid() bool {
	return 1 <= p.Threads && p.Threads <= maxThreads && 1 <= p.Time && p.Time <= maxTime &&
		8*uint32(p.Threads) <= p.Memory && p.Memory <= maxMemory
}

// work is how many blocks of 1 KiB a hash fills, which is what an attempt costs.
func (p params) work() uint64 { return uint64(p.Memory) * uint64(p.Time) }

// A stored is a password hash as it is kept in the database.
type stored struct {
	params
	kids []uint32 // pepper keys that made tag, the first one used first
	pre  string   // scheme of the legacy digest the password went through first, or ""
	salt []byte
	tag  []byte // HMAC of the argon2id output under the first key, of that under the next, ...
}

// String writes the hash in the PHC string format, with two parameters of ours:
//
//	$argon2id$v=19$m=19456,t=2,p=1,kid=<id>[.<id>...][,pre=md5]$<salt>$<tag>
//
// salt and tag are base64 without padding. Several ids are the layers that
// Rekey laid over the first one, oldest first.
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

// parseHash reads what String writes, and nothing else: there is one text for
// one hash. Error: ErrHash.
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

// parseParams reads "m=19456,t=2,p=1,kid=7.8,pre=md5"; the caller compares the
// spelling.
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

// parseLayers reads "kid=7.8": 1 to maxLayers ids, none twice.
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
