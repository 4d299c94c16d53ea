package passwd

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func aHash() stored {
	return stored{params: params{19456, 2, 1}, kids: []uint32{4000000007}, salt: bytes.Repeat([]byte{1}, saltSize), tag: bytes.Repeat([]byte{2}, tagSize)}
}

func TestHashText(t *testing.T) {
	t.Parallel()
	const want = "$argon2id$v=19$m=19456,t=2,p=1,kid=4000000007$AQEBAQEBAQEBAQEBAQEBAQ$AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
	st := aHash()
	if st.String() != want {
		t.Errorf("String = %s", st)
	}
	if back, err := parseHash(want); err != nil || back.String() != want {
		t.Errorf("parse: %v, %v", back, err)
	}
	st.kids = []uint32{4000000007, 0, 12}
	if back, err := parseHash(st.String()); err != nil || !strings.Contains(st.String(), "kid=4000000007.0.12$") || !slices.Equal(back.kids, st.kids) {
		t.Errorf("with layers: %v, %v", back, err)
	}
	for _, pre := range []string{
		"sm3", "md5-md5", "sha512", "sm3-before:AQID", "md5-after:YQ", "sha256-hmac:" + strings.Repeat("QUJD", 21) + "QQ",
		"bcrypt:4:AQEBAQEBAQEBAQEBAQEBAQ", "bcrypt:12:AQEBAQEBAQEBAQEBAQEBAQ",
		"pbkdf2-sha256:1000000:32:c2FsdA", "pbkdf2-sm3:1:16:c2FsdA", "pbkdf2-sha1:250000:64:c2FsdA",
	} {
		st.pre = pre
		if back, err := parseHash(st.String()); err != nil || back.pre != pre {
			t.Errorf("with %s: %v, %v", pre, back, err)
		}
	}
}

func TestHashTextIsStrict(t *testing.T) {
	t.Parallel()
	good := aHash().String()
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, text := range map[string]string{
		"empty": "", "plain": "password", "bcrypt": "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"other variant": change("argon2id", "argon2i"), "upper case": change("argon2id", "Argon2id"), "other version": change("v=19", "v=16"),
		"no version": change("v=19$", ""), "leading": " " + good, "trailing": good + "\n", "more fields": good + "$x",
		"memory bomb": change("m=19456", "m=4294967295"), "over 32 bits": change("m=19456", "m=99999999999999999999"),
		"over the bound": change("m=19456", fmt.Sprint("m=", maxMemory+1)), "too little memory": change("m=19456", "m=7"), "no memory": change("m=19456", "m="),
		"endless": change("t=2", "t=4294967295"), "no pass": change("t=2", "t=0"), "no lane": change("p=1", "p=0"), "many lanes": change("p=1", "p=255"),
		"lanes over 8 bits": change("p=1", "p=257"), "lanes over memory": change("m=19456,t=2,p=1", "m=100,t=2,p=16"),
		"sign": change("m=19456", "m=+19456"), "zeros": change("m=19456", "m=019456"), "hex": change("m=19456", "m=0x4c00"), "blank": change("m=19456", "m= 19456"),
		"order": change("m=19456,t=2", "t=2,m=19456"), "no kid": change(",kid=4000000007", ""), "kid sign": change("kid=4", "kid=-4"), "kid range": change("kid=4", "kid=94"),
		"unknown digest": change("$AQ", ",pre=md4$AQ"), "empty digest": change("$AQ", ",pre=$AQ"), "two digests": change("$AQ", ",pre=md5,pre=md5$AQ"), "other parameter": change("$AQ", ",x=1$AQ"),
		"empty layer": change("7$AQ", "7.$AQ"), "layer sign": change("7$AQ", "7.-1$AQ"), "layer zeros": change("7$AQ", "7.01$AQ"), "layer twice": change("7$AQ", "7.4000000007$AQ"),
		"layer over 32 bits": change("7$AQ", "7.4294967296$AQ"), "too many layers": change("kid=4000000007", "kid=1.2.3.4.5.6.7.8.9"),
		"salt without kind": change("$AQ", ",pre=:QUJD$AQ"), "salted without salt": change("$AQ", ",pre=md5-before$AQ"), "plain with salt": change("$AQ", ",pre=md5:QUJD$AQ"),
		"long old salt": change("$AQ", ",pre=md5-before:"+strings.Repeat("QUJD", 22)+"$AQ"), "padded old salt": change("$AQ", ",pre=md5-before:QQ==$AQ"), "loose bits of old salt": change("$AQ", ",pre=md5-before:QR$AQ"),
		"plain with cost": change("$AQ", ",pre=md5-before:5:QUJD$AQ"), "bcrypt without cost": change("$AQ", ",pre=bcrypt:AQEBAQEBAQEBAQEBAQEBAQ$AQ"),
		"bcrypt bomb": change("$AQ", ",pre=bcrypt:13:AQEBAQEBAQEBAQEBAQEBAQ$AQ"), "cheap bcrypt": change("$AQ", ",pre=bcrypt:3:AQEBAQEBAQEBAQEBAQEBAQ$AQ"), "bcrypt zeros": change("$AQ", ",pre=bcrypt:04:AQEBAQEBAQEBAQEBAQEBAQ$AQ"),
		"bcrypt salt": change("$AQ", ",pre=bcrypt:10:AQEBAQEBAQEBAQEBAQEB$AQ"), "bcrypt size": change("$AQ", ",pre=bcrypt:10:23:AQEBAQEBAQEBAQEBAQEBAQ$AQ"),
		"PBKDF2 bomb": change("$AQ", ",pre=pbkdf2-sha256:1000001:32:QUJD$AQ"), "PBKDF2 bomb by blocks": change("$AQ", ",pre=pbkdf2-sha1:250001:64:QUJD$AQ"), "PBKDF2 negative": change("$AQ", ",pre=pbkdf2-sha256:-1:32:QUJD$AQ"),
		"PBKDF2 of nothing": change("$AQ", ",pre=pbkdf2-md4:1000:32:QUJD$AQ"), "PBKDF2 without salt": change("$AQ", ",pre=pbkdf2-sha256:1000:32$AQ"), "PBKDF2 short": change("$AQ", ",pre=pbkdf2-sha256:1000:15:QUJD$AQ"), "PBKDF2 long": change("$AQ", ",pre=pbkdf2-sha256:1000:65:QUJD$AQ"),
		"four numbers": change("$AQ", ",pre=pbkdf2-sha256:1000:32:1:QUJD$AQ"), "unknown form": change("$AQ", ",pre=md5-around:QUJD$AQ"), "double of another": change("$AQ", ",pre=sha1-md5$AQ"),
		"short salt": change("$AQEB", "$"), "long salt": change("$AQ", "$AQEBAQ"), "padded": change("AQ$", "AQ==$"), "loose bits": change("AQ$", "AR$"), "newline in base64": change("AQ$", "A\nQ$"),
		"short tag": good[:len(good)-4], "url alphabet": change("AgIC", "-_IC"), "no tag": good[:strings.LastIndex(good, "$")], "very long": good + strings.Repeat("A", 1<<20),
	} {
		st, err := parseHash(text)
		if !errors.Is(err, ErrHash) || st.tag != nil || text == good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(aHash().String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1,kid=0,pre=md5$$")
	for _, pre := range []string{"md5-md5", "sm3-after:YQ", "bcrypt:10:AQEBAQEBAQEBAQEBAQEBAQ", "pbkdf2-sha512:9:64:c2FsdA"} {
		st := aHash()
		st.kids, st.pre = []uint32{1, 2}, pre
		f.Add(st.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		st, err := parseHash(text)
		if err != nil {
			return
		}
		if old, _ := parseScheme(st.pre); st.pre != "" && (old.check() != nil || old.cost > maxPBKDF2Rounds) {
			t.Fatalf("%q has %+v in it", text, old)
		}
		if len(st.kids) == 0 || len(st.kids) > maxLayers {
			t.Fatalf("%q has %d keys", text, len(st.kids))
		}
		if st.String() != text || !st.valid() || st.Memory > maxMemory || len(st.tag) != tagSize {
			t.Fatalf("%q read as %v", text, st)
		}
	})
}
