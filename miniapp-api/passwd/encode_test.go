package passwd

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func aHash() stored {
	return stored{params: params{19456, 2, 1}, kid: 4000000007, salt: bytes.Repeat([]byte{1}, saltSize), tag: bytes.Repeat([]byte{2}, tagSize)}
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
	st.pre = "sm3"
	if back, err := parseHash(st.String()); err != nil || back.pre != "sm3" {
		t.Errorf("with pre: %v, %v", back, err)
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
	f.Fuzz(func(t *testing.T, text string) {
		st, err := parseHash(text)
		if err != nil {
			return
		}
		if st.String() != text || !st.valid() || st.memory > maxMemory || len(st.tag) != tagSize {
			t.Fatalf("%q read as %v", text, st)
		}
	})
}
