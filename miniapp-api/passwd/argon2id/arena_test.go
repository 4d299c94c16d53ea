package argon2id

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

const keySize = 32

// arenas returns an arena for each implementation of the compression.
func arenas() map[string]*Arena { return map[string]*Arena{"usual": {}, "portable": {portable: true}} }

func arenaKey(a *Arena, password, salt []byte, p Params) []byte {
	out := make([]byte, keySize)
	a.Key(out, password, salt, p)
	return out
}

// TestVectors uses the vectors of the reference implementation's test program, version
// 0x13.
func TestVectors(t *testing.T) {
	t.Parallel()
	arenas := arenas()
	for _, test := range []struct {
		password, salt string
		p              Params
		want           string
	}{
		{"password", "somesalt", Params{256, 2, 1}, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"},
		{"password", "somesalt", Params{256, 2, 2}, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"},
		{"password", "somesalt", Params{65536, 2, 1}, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"},
		{"password", "somesalt", Params{65536, 1, 1}, "f6a5adc1ba723dddef9b5ac1d464e180fcd9dffc9d1cbf76cca2fed795d9ca98"},
		{"differentpassword", "somesalt", Params{65536, 2, 1}, "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde"},
		{"password", "diffsalt", Params{65536, 2, 1}, "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c"},
	} {
		if testing.Short() && test.p.Memory > 1024 {
			continue
		}
		for name, a := range arenas {
			if got := hex.EncodeToString(arenaKey(a, []byte(test.password), []byte(test.salt), test.p)); got != test.want {
				t.Errorf("%s: %s, %s, %v = %s, want %s", name, test.password, test.salt, test.p, got, test.want)
			}
		}
	}
}

// TestArenaAgreesWithXCrypto checks that a reused arena of varying size agrees with
// x/crypto, so that nothing of earlier hashes remains in a result.
func TestArenaAgreesWithXCrypto(t *testing.T) {
	t.Parallel()
	arenas := arenas()
	rapid.Check(t, func(t *rapid.T) {
		p := Params{uint32(rapid.IntRange(1, 700).Draw(t, "memory")), uint32(rapid.IntRange(1, 4).Draw(t, "time")), 1}
		password := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "password")
		salt := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "salt")
		out := make([]byte, rapid.IntRange(1, 200).Draw(t, "size"))
		want := argon2.IDKey(password, salt, p.Time, p.Memory, 1, uint32(len(out)))
		for name, a := range arenas {
			if a.Key(out, password, salt, p); !bytes.Equal(out, want) {
				t.Fatalf("%s: %v: %x, want %x", name, p, out, want)
			}
		}
	})
}

// TestKeyRefuses checks that parameters for which the key would consist of earlier memory
// are refused.
func TestKeyRefuses(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Params{"no pass": {64, 0, 1}, "no thread": {64, 1, 0}, "no output": {64, 1, 1}} {
		out := make([]byte, keySize)
		if name == "no output" {
			out = nil
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			new(Arena).Key(out, []byte("password"), []byte("somesalt"), p)
		}()
	}
}

func FuzzArena(f *testing.F) {
	f.Add([]byte("password"), []byte("somesalt"), uint16(64), uint8(2))
	f.Add([]byte(""), []byte(""), uint16(9), uint8(1))
	f.Add([]byte("password"), []byte("somesalt"), uint16(0), uint8(0))
	arenas := arenas()
	f.Fuzz(func(t *testing.T, password, salt []byte, memory uint16, time uint8) {
		p := Params{uint32(memory) % 2048, 1 + uint32(time)%4, 1}
		want := argon2.IDKey(password, salt, p.Time, p.Memory, 1, keySize)
		for name, a := range arenas {
			if got := arenaKey(a, password, salt, p); !bytes.Equal(got, want) {
				t.Fatalf("%s: %v: %x, want %x", name, p, got, want)
			}
		}
	})
}

func TestArenaTakesNoMemory(t *testing.T) {
	var a Arena
	p := Params{256, 1, 1}
	out, salt := make([]byte, keySize), make([]byte, 16)
	a.Key(out, []byte("password"), salt, p)
	// Only BLAKE2b states and their input are allocated, far less than 256 KiB.
	const runs = 20
	var before, after runtime.MemStats // of the process, in which no other test runs now
	runtime.ReadMemStats(&before)
	for range runs {
		a.Key(out, []byte("password"), salt, p)
	}
	runtime.ReadMemStats(&after)
	if bytesPerRun := (after.TotalAlloc - before.TotalAlloc) / runs; bytesPerRun > 16<<10 {
		t.Errorf("%d bytes a hash", bytesPerRun)
	}
}
