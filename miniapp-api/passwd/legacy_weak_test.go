package passwd

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// TestLongPasswordBehindBcrypt checks that no password over 72 bytes matches a bcrypt
// digest, not even the right one, and that no new hash is made from it.
func TestLongPasswordBehindBcrypt(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	beginning := strings.Repeat("Ab3-", 18) // 72 bytes
	digest, err := bcrypt.GenerateFromPassword([]byte(beginning), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ParseLegacy(string(digest))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Wrap(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]bool{
		beginning: true, beginning[:71]: false, beginning + "x": false, beginning + "the tail it had": false, beginning + strings.Repeat("国", 9): false,
	} {
		ok, upgrade, err := h.Verify(t.Context(), hash, NewSecret(typed))
		if ok != want || upgrade != want || err != nil || l.Matches(NewSecret(typed)) != want {
			t.Errorf("%d bytes: %v, %v, %v", len(typed), ok, upgrade, err)
		}
	}
}

// TestCommonDigests checks that common passwords are found in fast digests, and not in
// slow ones.
func TestCommonDigests(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"md5", "sha1", "sha256", "sha512", "sm3", "md5-md5", "md5-before", "sm3-after", "sha256-hmac"} {
		s := scheme{kind: kind}
		if strings.Count(kind, "-") == 1 && kind != "md5-md5" {
			s.salt = "salt"
		}
		for word, want := range map[string]bool{"123456": true, "woaini1314": true, "Aa123456": true, "Willow-Harbor-69": false, "": false} {
			if l := (Legacy{s, string(s.sum([]byte(word)))}); l.Common() != want {
				t.Errorf("%s of %q: %v", kind, word, !want)
			}
		}
	}
	slow, err := bcrypt.GenerateFromPassword([]byte("123456"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := ParseLegacy(string(slow)); err != nil || l.Common() || (Legacy{}).Common() {
		t.Errorf("tried against bcrypt, or against nothing: %v", err)
	}
}

func TestCommonPasswordsAreCommon(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, word := range commonPasswords {
		if seen[word] {
			t.Errorf("%s is there twice", word)
		}
		seen[word] = true
		if len(Default().Check(NewSecret(word), Subject{})) == 0 {
			t.Errorf("the policy takes %s", word)
		}
	}
}
