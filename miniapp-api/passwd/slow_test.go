package passwd

import (
	"slices"
	"strings"
	"testing"
)

// TestSlowHash checks that a hash is slow if its legacy digest is, and that SlowKinds has
// its kind.
func TestSlowHash(t *testing.T) {
	t.Parallel()
	const head, tail = "$argon2id$v=19$m=64,t=1,p=1,kid=1", "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for pre, want := range map[string]bool{
		"":                                      false,
		",pre=md5":                              false,
		",pre=sm3-after:cGluY2g":                false,
		",pre=bcrypt:10:AAAAAAAAAAAAAAAAAAAAAA": true,
		",pre=pbkdf2-sm3:20000:32:cGluY2g":      true,
		",pre=bcrypt:99:AAAAAAAAAAAAAAAAAAAAAA": false, // malformed
	} {
		hash := head + pre + tail
		if got := SlowHash(hash); got != want {
			t.Errorf("%q: %v", pre, got)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(pre, ",pre="), ":")
		if want && !slices.Contains(SlowKinds(), kind) {
			t.Errorf("%s is not among %v", kind, SlowKinds())
		}
	}
	for _, kind := range SlowKinds() {
		if s := (scheme{kind: kind, cost: 10, size: 32, salt: "0123456789abcdef"}); kind != "bcrypt" && s.check() != nil {
			t.Errorf("%s: %v", kind, s.check())
		}
	}
}
