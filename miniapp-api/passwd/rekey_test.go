package passwd

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fundpass/keys"
)

// pepperFiles returns a pepper and its successors after each rotation.
func pepperFiles(t testing.TB, rotations int) []*keys.Pepper {
	t.Helper()
	file, err := keys.NewPepperKey()
	if err != nil {
		t.Fatal(err)
	}
	var all []*keys.Pepper
	for range rotations + 1 {
		p, err := keys.ParsePepper(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		if file, err = keys.RotatePepper(file); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func (h *Hasher) mustRekey(t testing.TB, hash string) string {
	t.Helper()
	next, changed, err := h.Rekey(hash)
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	return next
}

func keysIn(t testing.TB, hash string) []uint32 {
	t.Helper()
	kids, err := PepperKeys(hash)
	if err != nil {
		t.Fatal(err)
	}
	return kids
}

func TestRekey(t *testing.T) {
	t.Parallel()
	peppers := pepperFiles(t, 2)
	at := func(i int) *Hasher { return cheap(t, func(c *HasherConfig) { c.Pepper = peppers[i] }) }
	right := NewSecret("secret words")
	first, err := at(0).Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	second := at(1).mustRekey(t, first)
	third := at(2).mustRekey(t, second)
	if d := keysIn(t, third); !slices.Equal(d, []uint32{peppers[0].Current(), peppers[1].Current(), peppers[2].Current()}) {
		t.Errorf("keys %v", d)
	}
	for name, tt := range map[string]struct {
		hash string
		with *Hasher
	}{"one layer": {second, at(1)}, "two layers": {third, at(2)}, "a layer behind": {second, at(2)}} {
		for typed, want := range map[string]bool{"secret words": true, "secret word": false} {
			if ok, upgrade, err := tt.with.Verify(t.Context(), tt.hash, NewSecret(typed)); ok != want || upgrade != want || err != nil {
				t.Errorf("%s, %s: %v, %v, %v", name, typed, ok, upgrade, err)
			}
		}
	}
	if again, changed, err := at(2).Rekey(third); again != third || changed || err != nil {
		t.Errorf("a second time: %v, %v", changed, err)
	}
	plain, err := at(2).Hash(t.Context(), right)
	if err != nil || !slices.Equal(keysIn(t, plain), []uint32{peppers[2].Current()}) {
		t.Errorf("the hash of the next success: %s, %v", plain, err)
	}
	if _, changed, err := at(2).Rekey(plain); changed || err != nil {
		t.Errorf("rekeyed for nothing: %v", err)
	}
}

// TestRekeyedNeedsNewestKey checks that the database and the old key are not enough after
// a rotation.
func TestRekeyedNeedsNewestKey(t *testing.T) {
	t.Parallel()
	peppers := pepperFiles(t, 1)
	old := cheap(t, func(c *HasherConfig) { c.Pepper = peppers[0] })
	hash, err := old.Hash(t.Context(), NewSecret("secret words"))
	if err != nil {
		t.Fatal(err)
	}
	hash = cheap(t, func(c *HasherConfig) { c.Pepper = peppers[1] }).mustRekey(t, hash)
	if ok, _, err := old.Verify(t.Context(), hash, NewSecret("secret words")); ok || !errors.Is(err, keys.ErrUnknownPepper) {
		t.Errorf("Verify without the newest key: %v, %v", ok, err)
	}
	st, err := parseHash(hash)
	if err != nil {
		t.Fatal(err)
	}
	st.kids = st.kids[:1] // as an attacker would
	if ok, _, err := old.Verify(t.Context(), st.String(), NewSecret("secret words")); ok || err != nil {
		t.Errorf("the old key alone opens it: %v", err)
	}
}

func TestRekeyRefuses(t *testing.T) {
	t.Parallel()
	h := cheap(t)
	full := aHash()
	full.kids = nil
	for _, p := range pepperFiles(t, 0) {
		full.kids = append(full.kids, p.Current())
	}
	if _, changed, err := h.Rekey(full.String()); changed || !errors.Is(err, keys.ErrUnknownPepper) {
		t.Errorf("a key the file lost: %v, %v", changed, err)
	}
	for _, text := range []string{"", "!", "$2b$05$abc"} {
		if next, changed, err := h.Rekey(text); next != "" || changed || !errors.Is(err, ErrHash) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := PepperKeys("!"); !errors.Is(err, ErrHash) {
		t.Errorf("PepperKeys: %v", err)
	}
}

func TestRekeyIsBounded(t *testing.T) {
	t.Parallel()
	peppers := pepperFiles(t, maxLayers)
	right := NewSecret("secret words")
	var h *Hasher
	hash := ""
	for i, p := range peppers[:maxLayers] {
		h = cheap(t, func(c *HasherConfig) { c.Pepper = p })
		if i > 0 {
			hash = h.mustRekey(t, hash)
			continue
		}
		l, err := ParseLegacy("$pbkdf2-sha512$i=100,l=64$" + strings.Repeat("c2Fs", 21) + "$1TUihsBpwBdvMBSEfgqRkha1AYc4wD32h2pXY78/QKSGNtNEAwRWuT+Fs/WYh9vqdJvCP3RA9fgM360z0VLW4A")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Wrap(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if hash, err = h.Hash(t.Context(), right); err != nil {
			t.Fatal(err)
		}
	}
	last := cheap(t, func(c *HasherConfig) { c.Pepper = peppers[maxLayers] })
	if _, changed, err := last.Rekey(hash); changed || !errors.Is(err, ErrLayers) {
		t.Errorf("one more: %v, %v", changed, err)
	}
	if ok, upgrade, err := last.Verify(t.Context(), hash, right); !ok || !upgrade || err != nil {
		t.Errorf("Verify: %v, %v, %v", ok, upgrade, err)
	}
}

// TestLongestHash checks that the longest possible hash is parsed.
func TestLongestHash(t *testing.T) {
	t.Parallel()
	st := aHash()
	st.params = params{maxMemory, maxTime, maxThreads}
	st.kids = nil
	for i := range uint32(maxLayers) {
		st.kids = append(st.kids, 1<<32-1-i)
	}
	st.pre = scheme{kind: "pbkdf2-sha512", cost: maxPBKDF2Rounds, size: maxPBKDF2Size, salt: strings.Repeat("s", maxLegacySalt)}.String()
	if _, err := parseHash(st.String()); err != nil {
		t.Errorf("%d bytes: %v", len(st.String()), err)
	}
}
