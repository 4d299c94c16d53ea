package passwd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"pgregory.net/rapid"

	"fundpass/keys/testenv"
)

// oldDigests are digests made by other programs: Python's hashlib and hmac over OpenSSL,
// and crypt of the C library for bcrypt.
var oldDigests = []struct{ name, text, password, kind string }{
	{"md5", "{md5}900150983cd24fb0d6963f7d28e17f72", "abc", "md5"},
	{"upper case", "{MD5}900150983CD24FB0D6963F7D28E17F72", "abc", "md5"},
	{"base64", "{md5}kAFQmDzST7DWlj99KOF/cg==", "abc", "md5"},
	{"sha512", "{sha512}ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", "abc", "sha512"},
	{"double", "{md5-md5}ec0405c5aef93e771cd80e0db180b88b", "abc", "md5-md5"},
	{"salt before", "{md5-before}text:s$lt$c7b3ca12673861e0bb3e196474e63d23", "abc", "md5-before"},
	{"sm3 with salt", "{sm3-before}hex:73616C74$dd320d4c86e21095cc95f1bcd145cd48abb88e1df621d54965f9d50a14ac24b9", "abc", "sm3-before"},
	{"salt after, hex", "{sha256-after}hex:73616c74$169b3a2b0977ebee2eb1fd392c6aa470a3281d439ff32f20baea7309d7f40eec", "abc", "sha256-after"},
	{"salt after, base64", "{sha256-after}base64:c2FsdA==$Fps6Kwl36+4usf05LGqkcKMoHUOf8y8guupzCdf0Duw=", "abc", "sha256-after"},
	{"hmac", "{sha1-hmac}text:salt$3950d75670cea3077ff837d684d418da2a1c6f9f", "abc", "sha1-hmac"},
	{"hmac of sm3", "{sm3-hmac}text:salt$a9c3b1d372c041b1245e4b3d85b6d114936491d5114489645e03771bc6f777ec", "abc", "sm3-hmac"},
	{"2b", "$2b$05$abcdefghijklmnopqrstuuRWUgMyyCUnsDr8evYotXg5ZXVF/HhzS", "abc", "bcrypt"},
	{"2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", "bcrypt"},
	{"2y", "{bcrypt}$2y$04$abcdefghijklmnopqrstuuqJbFBQPmEuBpYWIGZrYwVfOkXZdOhCm", "été", "bcrypt"},
	{"sha1 of Django", "pbkdf2_sha1$100$salt$ffbX9EJks033WSY+Fh8x1z9oR74=", "abc", "pbkdf2-sha1"},
	{"sha256 of Django", "pbkdf2_sha256$100$salt$+4T4/doyO16+ZhE4kihp/kGkjFYiA7F5ClBs1uzAFGw=", "abc", "pbkdf2-sha256"},
	{"sm3 like Django", "pbkdf2_sm3$100$salt$MHPJkxMYLZeIbQ9vOw+/H3rfolXW0XxeVgODmGVbnkY=", "abc", "pbkdf2-sm3"},
	{"sha512", "$pbkdf2-sha512$i=100,l=64$c2FsdA$1TUihsBpwBdvMBSEfgqRkha1AYc4wD32h2pXY78/QKSGNtNEAwRWuT+Fs/WYh9vqdJvCP3RA9fgM360z0VLW4A", "abc", "pbkdf2-sha512"},
	{"without names", "$pbkdf2-sha256$100$c2FsdA$.4T4/doyO16.ZhE4kihp/kGkjFYiA7F5ClBs1uzAFGw", "abc", "pbkdf2-sha256"},
	{"several blocks", "$pbkdf2-sha1$i=100$c2FsdA$ffbX9EJks033WSY+Fh8x1z9oR77V/A1G80Ru66S+1tnSYfvlQeK7YRQU5rCVG9QF/eSRcUyQv2dCa+w2nKLCOg", "abc", "pbkdf2-sha1"},
}

// TestOldDigests checks for every old kind that the password is accepted, that an upgrade
// is requested, and that the new hash contains nothing of the old kind.
func TestOldDigests(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	for _, tt := range oldDigests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := ParseLegacy(tt.text)
			if err != nil || l.Kind() != tt.kind || l.Slow() != (strings.HasPrefix(tt.kind, "pbkdf2") || tt.kind == "bcrypt") {
				t.Fatalf("%s, slow %v: %v", l.Kind(), l.Slow(), err)
			}
			right, wrong := NewSecret(tt.password), NewSecret(tt.password+"x")
			if !l.Matches(right) || l.Matches(wrong) || l.Matches(NewSecret("")) {
				t.Error("the digest matches another password, or not its own")
			}
			hash, err := h.Wrap(t.Context(), l)
			if err != nil || strings.Contains(hash, tt.text[len(tt.text)-16:]) {
				t.Fatalf("%s, %v", hash, err)
			}
			if ok, upgrade, err := h.Verify(t.Context(), hash, right); !ok || !upgrade || err != nil {
				t.Errorf("right: %v, %v, %v", ok, upgrade, err)
			}
			if ok, upgrade, err := h.Verify(t.Context(), hash, wrong); ok || upgrade || err != nil {
				t.Errorf("wrong: %v, %v, %v", ok, upgrade, err)
			}
			after, err := h.Hash(t.Context(), right)
			if err != nil || strings.Contains(after, "pre=") {
				t.Errorf("%s, %v", after, err)
			}
		})
	}
}

func TestParseLegacyRefuses(t *testing.T) {
	t.Parallel()
	const md5Hex, digest32 = "900150983cd24fb0d6963f7d28e17f72", "+4T4/doyO16+ZhE4kihp/kGkjFYiA7F5ClBs1uzAFGw="
	const of53 = "abcdefghijklmnopqrstuuRWUgMyyCUnsDr8evYotXg5ZXVF/HhzS"
	for name, tt := range map[string]struct{ text, reason string }{
		"empty":               {"", "unknown kind"},
		"clear text":          {"901042", "unknown kind"},
		"bare hex":            {md5Hex, "unknown kind"},
		"no closing brace":    {"{md5" + md5Hex, "unknown kind"},
		"md4":                 {"{md4}" + md5Hex, "unknown kind"},
		"plain pbkdf2":        {"{pbkdf2-sha256}" + md5Hex, "unknown kind"},
		"no digest":           {"{md5}", "not 16 bytes"},
		"digest of another":   {"{sha1}" + md5Hex, "not 20 bytes"},
		"not hex":             {"{md5}" + strings.Repeat("z", 32), "not 16 bytes"},
		"line in base64":      {"{md5}kAFQmDzST7DWlj99\nKOF/cg==", "not 16 bytes"},
		"salt of plain":       {"{md5}text:s$" + md5Hex, "salt for a kind without one"},
		"no salt":             {"{md5-before}" + md5Hex, "salt is not 1 to 64"},
		"empty salt":          {"{md5-after}hex:$" + md5Hex, "salt is not 1 to 64"},
		"long salt":           {"{md5-after}text:" + strings.Repeat("s", 65) + "$" + md5Hex, "salt is not 1 to 64"},
		"salt of no kind":     {"{md5-after}73616c74$" + md5Hex, "hex:, base64: or text:"},
		"salt not hex":        {"{md5-after}hex:salt$" + md5Hex, "hex:, base64: or text:"},
		"other bcrypt":        {"$2x$05$" + of53, "$2a$, $2b$ and $2y$"},
		"bcrypt cost":         {"$2b$13$" + of53, "cost is not 4 to 12"},
		"bcrypt low cost":     {"$2b$03$" + of53, "cost is not 4 to 12"},
		"bcrypt cost's sign":  {"$2b$+5$" + of53, "not a bcrypt"},
		"bcrypt short":        {"$2b$05$" + of53[1:], "not a bcrypt"},
		"bcrypt alphabet":     {"$2b$05$+" + of53[1:], "not a bcrypt"},
		"braced, no bcrypt":   {"{bcrypt}" + md5Hex, "not a bcrypt"},
		"PBKDF2 bound":        {"pbkdf2_sha256$1000001$salt$" + digest32, "1 to 1000000"},
		"PBKDF2 bound, PHC":   {"$pbkdf2-sha256$i=1000001$c2FsdA$" + digest32, "1 to 1000000"},
		"PBKDF2 blocks":       {"pbkdf2_sha1$500001$salt$" + digest32, "1 to 1000000"},
		"PBKDF2 huge":         {"pbkdf2_sha256$99999999999$salt$" + digest32, "up to 1000000"},
		"PBKDF2 negative":     {"pbkdf2_sha256$-1$salt$" + digest32, "up to 1000000"},
		"PBKDF2 zero":         {"pbkdf2_sha256$0$salt$" + digest32, "1 to 1000000"},
		"PBKDF2 md4":          {"pbkdf2_md4$100$salt$" + digest32, "unknown kind"},
		"PBKDF2 fields":       {"pbkdf2_sha256$100$" + digest32, "does not consist of digest"},
		"PBKDF2 no salt":      {"pbkdf2_sha256$100$$" + digest32, "salt is not 1 to 64"},
		"PBKDF2 short":        {"pbkdf2_sha256$100$salt$QUJD", "not 16 to 64"},
		"PBKDF2 length":       {"$pbkdf2-sha256$i=100,l=31$c2FsdA$" + digest32, "of its length"},
		"PBKDF2 salt, PHC":    {"$pbkdf2-sha256$i=100$s*lt$" + digest32, "salt is not base64"},
		"PBKDF2 unknown name": {"$pbkdf2-sha256$n=100$c2FsdA$" + digest32, "not a number"},
		"very long":           {"{md5-before}text:" + strings.Repeat("s", 1<<20), "longer than"},
	} {
		l, err := ParseLegacy(tt.text)
		if !errors.Is(err, ErrLegacy) || l.Kind() != "" || !strings.Contains(fmt.Sprint(err), tt.reason) {
			t.Errorf("%s: %s, %v", name, l.Kind(), err)
		}
		for _, secret := range []string{md5Hex, digest32, of53, "901042", "73616c74", "s*lt"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error contains the value: %v", name, err)
			}
		}
	}
	if _, err := cheap(t).Wrap(t.Context(), Legacy{}); !errors.Is(err, ErrLegacy) {
		t.Errorf("Wrap of nothing: %v", err)
	}
	if (Legacy{}).Matches(NewSecret("")) {
		t.Error("nothing matches nothing")
	}
}

// TestBcryptIsTheLibrarys compares bcryptSum with x/crypto's bcrypt.
func TestBcryptIsTheLibrarys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.SliceOfN(rapid.ByteRange(1, 255), 1, 72).Draw(t, "password")
		text, err := bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		l, err := parseBcrypt(string(text))
		if err != nil || string(l.scheme.sum(password)) != l.digest {
			t.Fatalf("%q: %v", password, err)
		}
		password[len(password)-1] ^= 0x40
		if password[len(password)-1] != 0 && string(l.scheme.sum(password)) == l.digest {
			t.Fatalf("%q opens another one's digest", password)
		}
	})
}

// TestBcryptRefusesNUL checks that passwords with a NUL are refused, because bcrypt
// repeats a password with its NUL up to 72 bytes, so that "ab" equals "ab\x00ab".
func TestBcryptRefusesNUL(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	l, err := ParseLegacy("$2b$05$abcdefghijklmnopqrstuuRWUgMyyCUnsDr8evYotXg5ZXVF/HhzS")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Wrap(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"abc\x00", "abc\x00abc", "abc\x00x", "\x00"} {
		if ok, _, err := h.Verify(t.Context(), hash, NewSecret(typed)); ok || err != nil || l.Matches(NewSecret(typed)) {
			t.Errorf("%q: %v, %v", typed, ok, err)
		}
	}
}

// TestOldDigestIsBounded checks that a slow old digest is computed in a place of the
// pool.
func TestOldDigestIsBounded(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots = 1 })
	l, err := ParseLegacy("$2b$11$abcdefghijklmnopqrstuuRWUgMyyCUnsDr8evYotXg5ZXVF/HhzS")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Wrap(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := h.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	testenv.Eventually(t, "more is done in the place than before it is taken", func() bool {
		ran, begun := make(chan struct{}), time.Now()
		go func() { defer close(ran); slot.Verify(t.Context(), hash, NewSecret("abc")) }()
		var longest time.Duration
		for {
			asked := time.Now()
			slot.Detach() // waits while something runs in the place
			longest = max(longest, time.Since(asked))
			select {
			case <-ran:
				return longest > time.Since(begun)/2 // also false if this goroutine was not scheduled meanwhile
			default:
			}
		}
	})
}

func TestLegacyPrintsNothing(t *testing.T) {
	t.Parallel()
	l, err := ParseLegacy("{md5-before}text:pinch$900150983cd24fb0d6963f7d28e17f72")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, l); got != masked {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// FuzzParseLegacy checks that a parsed digest can be stored and parsed again with the
// same meaning.
func FuzzParseLegacy(f *testing.F) {
	for _, tt := range oldDigests {
		f.Add(tt.text)
	}
	f.Add("$pbkdf2-sha256$i=1000001,l=32$c2FsdA$AA")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLegacy(text)
		if err != nil {
			if l != (Legacy{}) || !errors.Is(err, ErrLegacy) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		st := aHash()
		st.pre = l.scheme.String()
		back, err := parseHash(st.String())
		if err != nil || back.pre != st.pre {
			t.Fatalf("%q stored as %q: %v", text, st, err)
		}
		if again, ok := parseScheme(st.pre); !ok || again != l.scheme || again.check() != nil || len(l.digest) != again.length() {
			t.Fatalf("%q read back as %+v", text, again)
		}
		if l.scheme.slow() != slices.Contains([]string{"bcry", "pbkd"}, l.Kind()[:min(4, len(l.Kind()))]) {
			t.Fatalf("%s: slow is %v", l.Kind(), l.Slow())
		}
	})
}
