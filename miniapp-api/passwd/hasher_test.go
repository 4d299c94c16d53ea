package passwd

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/passwd/argon2id"
)

func newPepper(t testing.TB) *keys.Pepper {
	t.Helper()
	data, err := keys.NewPepperKey()
	if err != nil {
		t.Fatal(err)
	}
	p, err := keys.ParsePepper(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// cheap returns a Hasher with the lowest cost.
func cheap(t testing.TB, change ...func(*HasherConfig)) *Hasher {
	t.Helper()
	c := HasherConfig{Pepper: newPepper(t), Memory: 64, Time: 1, Slots: 2}
	for _, f := range change {
		f(&c)
	}
	h := NewHasher(c)
	t.Cleanup(h.Close)
	return h
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	const password = "三月 Regen 7 & Wind"
	one, err := h.Hash(t.Context(), NewSecret(password))
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.Hash(t.Context(), NewSecret(password))
	if err != nil || one == two {
		t.Errorf("the same text twice: %v", err)
	}
	if strings.Contains(one, password) || !strings.HasPrefix(one, "$argon2id$v=19$m=64,t=1,p=1,kid=") {
		t.Errorf("hash %s", one)
	}
	for typed, want := range map[string]bool{
		password: true, "": false, password + " ": false, " " + password: false, strings.ToLower(password): false,
		password[:len(password)-1]: false, password + "\x00": false, "三月 Regen 7 & Wine": false, "三月 Regen 7 ＆ Wind": false,
	} {
		ok, upgrade, err := h.Verify(t.Context(), one, NewSecret(typed))
		if ok != want || upgrade || err != nil {
			t.Errorf("Verify(%q) = %v, %v, %v", typed, ok, upgrade, err)
		}
	}
	if err := h.Dummy(t.Context(), NewSecret(password)); err != nil {
		t.Error(err)
	}
}

// TestBusyHasherHashesNothing checks that every method returns ErrBusy without hashing if
// there is no place.
func TestBusyHasherHashesNothing(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Slots, c.Wait = 1, time.Nanosecond })
	held, err := h.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, verified := h.Verify(t.Context(), h.dummy, NewSecret("secret words"))
	_, hashed := h.Hash(t.Context(), NewSecret("secret words"))
	_, wrapped := h.WrapLegacy("md5", "00000000000000000000000000000000")
	for what, err := range map[string]error{"Verify": verified, "Hash": hashed, "WrapLegacy": wrapped, "Dummy": h.Dummy(t.Context(), NewSecret("secret words"))} {
		if !errors.Is(err, ErrBusy) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if h.Hashed() != 0 {
		t.Errorf("%d hashed", h.Hashed())
	}
	held.Release()
	if err := h.Dummy(t.Context(), NewSecret("secret words")); err != nil || h.Hashed() != 1 {
		t.Errorf("afterwards: %v, %d hashed", err, h.Hashed())
	}
}

// TestCallersTogether checks that concurrent callers each get their own result.
func TestCallersTogether(t *testing.T) {
	t.Parallel()
	h := cheap(t, func(c *HasherConfig) { c.Wait = testenv.Patience })
	hash, err := h.Hash(t.Context(), NewSecret("secret words"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			typed := NewSecret("secret words")
			if i%2 == 0 {
				typed = NewSecret("wrong words!")
			}
			if ok, _, err := h.Verify(t.Context(), hash, typed); ok != (i%2 == 1) || err != nil {
				t.Errorf("caller %d: %v, %v", i, ok, err)
			}
		})
	}
	wg.Wait()
}

func TestNothingIsCutOff(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	for _, n := range []int{8, 55, 56, 63, 64, 71, 72, 73, 127, 128, 255, 256, 1000, maxBytes} {
		long := strings.Repeat("x", n-1)
		hash, err := h.Hash(t.Context(), NewSecret(long+"a"))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for last, want := range map[string]bool{"a": true, "b": false, "": false, "a\x00": false, "aa": false} {
			if ok, _, err := h.Verify(t.Context(), hash, NewSecret(long+last)); ok != want || err != nil {
				t.Errorf("%d bytes, ends %q: %v, %v", n, last, ok, err)
			}
		}
	}
}

func TestNFCAndNFDAreOnePassword(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	for _, pair := range [][2]string{{"caf\u00e9 noir!", "cafe\u0301 noir!"}, {"\uac00나다라", "\u1100\u1161나다라"}, {"A\u030angström", "\u212bngström"}} {
		for _, from := range []int{0, 1} {
			hash, err := h.Hash(t.Context(), NewSecret(pair[from]))
			if err != nil {
				t.Fatal(err)
			}
			if ok, _, err := h.Verify(t.Context(), hash, NewSecret(pair[1-from])); !ok || err != nil {
				t.Errorf("%+q and %+q differ, %v", pair[0], pair[1], err)
			}
		}
	}
}

func TestUnusablePasswords(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	good, err := h.Hash(t.Context(), NewSecret("anything"))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{
		"empty": "", "too long": strings.Repeat("x", maxBytes+1), "64 KiB": strings.Repeat("密", 22000), "not UTF-8": "pass\xffword",
	} {
		if hash, err := h.Hash(t.Context(), NewSecret(v)); !errors.Is(err, ErrPassword) || hash != "" {
			t.Errorf("%s: Hash = %q, %v", name, hash, err)
		}
		if ok, _, err := h.Verify(t.Context(), good, NewSecret(v)); ok || err != nil {
			t.Errorf("%s: Verify = %v, %v", name, ok, err)
		}
		if err := h.Dummy(t.Context(), NewSecret(v)); err != nil {
			t.Errorf("%s: Dummy: %v", name, err)
		}
	}
	// An unusable password must not match the hash of an empty one.
	slot, err := h.Reserve(t.Context(), Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	ofNothing, err := slot.seal(t.Context(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, _ := slot.Verify(t.Context(), ofNothing, NewSecret("")); ok {
		t.Error("the empty password opens a hash of nothing")
	}
}

func TestVerifyBadHash(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	if ok, _, err := h.Verify(t.Context(), "$argon2id$v=19$m=4294967295,t=1,p=1,kid=1$AA$AA", NewSecret("x")); ok || !errors.Is(err, ErrHash) {
		t.Errorf("memory bomb: %v, %v", ok, err)
	}
	hash, err := h.Hash(t.Context(), NewSecret("secret words"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := cheap(t).Verify(t.Context(), hash, NewSecret("secret words")); ok || !errors.Is(err, keys.ErrUnknownPepper) {
		t.Errorf("another pepper: %v, %v", ok, err)
	}
}

// TestPepperIsNeeded checks that the tag of a hash is not the output of argon2id, so that
// a database without the pepper is useless.
func TestPepperIsNeeded(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	hash, _ := h.Hash(t.Context(), NewSecret("secret words"))
	st, err := parseHash(hash)
	if err != nil {
		t.Fatal(err)
	}
	bare := make([]byte, tagSize)
	new(argon2id.Arena).Key(bare, []byte("secret words"), st.salt, argon2id.Params(st.params))
	if bytes.Equal(bare, st.tag) {
		t.Error("argon2id alone gives the stored tag")
	}
}

// TestUpgrade checks that a hash of a lower cost is replaced and one of a higher cost is
// not, so that a server with an old setting does not weaken hashes.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	pepper := newPepper(t)
	with := func(memory, time uint32) *Hasher {
		return cheap(t, func(c *HasherConfig) { c.Pepper, c.Memory, c.Time = pepper, memory, time })
	}
	h := with(128, 2)
	for name, tt := range map[string]struct {
		other   *Hasher
		upgrade bool
	}{
		"the same":                     {with(128, 2), false},
		"less memory":                  {with(64, 2), true},
		"less time":                    {with(128, 1), true},
		"less of one, the same work":   {with(64, 4), false},
		"more memory":                  {with(256, 2), false},
		"more time":                    {with(128, 3), false},
		"more of one, less altogether": {with(16, 8), true},
		"more threads":                 {cheap(t, func(c *HasherConfig) { c.Pepper, c.Memory, c.Time, c.Threads = pepper, 128, 2, 2 }), false},
	} {
		hash, err := tt.other.Hash(t.Context(), NewSecret("secret words"))
		if err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]bool{"secret words": true, "wrong": false} {
			if ok, upgrade, err := h.Verify(t.Context(), hash, NewSecret(typed)); ok != want || upgrade != (want && tt.upgrade) || err != nil {
				t.Errorf("%s, %s: %v, %v, %v", name, typed, ok, upgrade, err)
			}
		}
	}
}

func TestUpgradeOfPepperKey(t *testing.T) {
	t.Parallel()
	file, err := keys.NewPepperKey()
	if err != nil {
		t.Fatal(err)
	}
	before, err := keys.ParsePepper(file)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := keys.RotatePepper(file)
	if err != nil {
		t.Fatal(err)
	}
	after, err := keys.ParsePepper(rotated)
	if err != nil {
		t.Fatal(err)
	}
	old := cheap(t, func(c *HasherConfig) { c.Pepper = before })
	hash, err := old.Hash(t.Context(), NewSecret("secret words"))
	if err != nil {
		t.Fatal(err)
	}
	h := cheap(t, func(c *HasherConfig) { c.Pepper = after })
	if ok, upgrade, err := h.Verify(t.Context(), hash, NewSecret("secret words")); !ok || !upgrade || err != nil {
		t.Errorf("after rotation: %v, %v, %v", ok, upgrade, err)
	}
}

func TestWrapLegacy(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	const password = "abc-老密码-9"
	for kind, sum := range map[string][]byte{
		"md5": sumOf(md5.Sum([]byte(password))), "sha1": sumOf20(sha1.Sum([]byte(password))),
		"sha256": sumOf32(sha256.Sum256([]byte(password))), "sm3": sumOf32(sm3.Sum([]byte(password))),
	} {
		for _, digest := range []string{hex.EncodeToString(sum), strings.ToUpper(hex.EncodeToString(sum))} {
			hash, err := h.WrapLegacy(kind, digest)
			if err != nil || strings.Contains(hash, digest) {
				t.Fatalf("%s: %q, %v", kind, hash, err)
			}
			if ok, upgrade, err := h.Verify(t.Context(), hash, NewSecret(password)); !ok || !upgrade || err != nil {
				t.Errorf("%s: %v, %v, %v", kind, ok, upgrade, err)
			}
			for _, wrong := range []string{"", "abc", digest, string(sum)} {
				if ok, upgrade, err := h.Verify(t.Context(), hash, NewSecret(wrong)); ok || upgrade || err != nil {
					t.Errorf("%s, wrong password: %v, %v, %v", kind, ok, upgrade, err)
				}
			}
		}
	}
	for _, bad := range [][2]string{{"md5", ""}, {"md5", "zz"}, {"md5", strings.Repeat("a", 40)}, {"sha1", strings.Repeat("a", 32)}, {"md4", strings.Repeat("a", 32)}, {"", strings.Repeat("a", 32)}, {"bcrypt", strings.Repeat("a", 32)}, {"md5-before", strings.Repeat("a", 32)}} {
		if hash, err := h.WrapLegacy(bad[0], bad[1]); !errors.Is(err, ErrLegacy) || hash != "" {
			t.Errorf("WrapLegacy(%q, %q) = %q, %v", bad[0], bad[1], hash, err)
		}
	}
}

func sumOf(b [16]byte) []byte   { return b[:] }
func sumOf20(b [20]byte) []byte { return b[:] }
func sumOf32(b [32]byte) []byte { return b[:] }

// TestSM3IsTheStandards checks SM3 with an example of the standard.
func TestSM3IsTheStandards(t *testing.T) {
	t.Parallel()
	// GB/T 32905-2016, appendix A, example 1.
	const want = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
	if got := hex.EncodeToString(scheme{kind: "sm3"}.sum([]byte("abc"))); got != want {
		t.Errorf("SM3(abc) = %s", got)
	}
}

func TestNewHasherRefuses(t *testing.T) {
	pepper := newPepper(t)
	for name, c := range map[string]HasherConfig{
		"no pepper":       {},
		"too much memory": {Pepper: pepper, Memory: maxMemory + 1},
		"too little":      {Pepper: pepper, Memory: 7},
		"too slow":        {Pepper: pepper, Time: maxTime + 1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			NewHasher(c)
		}()
	}
}
