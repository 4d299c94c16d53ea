package keys

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fixedPepper returns a pepper file with a known key, id 11.
func fixedPepper() []byte {
	return jsonText(map[string]any{"pepper": tinkKeyset(11, tinkKey("HmacPrfKey", 11, "RAW", hmacKey(32)))})
}

func TestPepperDefinition(t *testing.T) {
	t.Parallel()
	pepper := must(ParsePepper(fixedPepper()))
	if pepper.Current() != 11 {
		t.Fatalf("current is %d", pepper.Current())
	}
	mac := hmac.New(sha256.New, counting(32))
	mac.Write([]byte("argon2id output"))
	got, err := pepper.Tag(11, []byte("argon2id output"))
	if err != nil || !bytes.Equal(got, mac.Sum(nil)) {
		t.Errorf("tag %x, %v; want %x", got, err, mac.Sum(nil))
	}
}

func TestPepperUnknown(t *testing.T) {
	t.Parallel()
	tag, err := must(ParsePepper(fixedPepper())).Tag(12, []byte("x"))
	if !errors.Is(err, ErrUnknownPepper) || tag != nil {
		t.Errorf("tag %x, %v", tag, err)
	}
	if !strings.Contains(err.Error(), "12") {
		t.Errorf("error %q does not name the id", err)
	}
}

// After any number of rotations every earlier key computes the same tags, and the newest
// key is Current.
func TestPepperRotation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		file := must(NewPepperKey())
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		tags := map[uint32][]byte{}
		for range rapid.IntRange(1, 5).Draw(t, "rotations") {
			pepper := must(ParsePepper(file))
			if _, old := tags[pepper.Current()]; old {
				t.Fatal("an old key is current")
			}
			tags[pepper.Current()] = must(pepper.Tag(pepper.Current(), data))
			file = must(RotatePepper(file))
		}
		pepper, seen := must(ParsePepper(file)), map[string]bool{}
		for id, want := range tags {
			if got := must(pepper.Tag(id, data)); !bytes.Equal(got, want) || len(got) != 32 {
				t.Fatalf("key %d: tag %x, want %x", id, got, want)
			}
			seen[string(want)] = true
		}
		if len(seen) != len(tags) {
			t.Fatal("two keys computed the same tag")
		}
	})
}

func TestParsePepperRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       error
	}{
		{"empty", "\ufeff \n", ErrEmpty},
		{"column key file", string(fixedColumnKey()), ErrFormat},
		{"bare keyset", string(jsonText(tinkKeyset(11, tinkKey("HmacPrfKey", 11, "RAW", hmacKey(32))))), ErrFormat},
		{"no keyset", "{}", ErrFormat},
		{"cut", string(fixedPepper()[:100]), ErrFormat},
		{"aead inside", string(jsonText(map[string]any{"pepper": tinkKeyset(7, tinkKey("AesGcmKey", 7, "TINK", gcmKey(32)))})), ErrWrongKind},
		{"short key", string(jsonText(map[string]any{"pepper": tinkKeyset(11, tinkKey("HmacPrfKey", 11, "RAW", hmacKey(16)))})), ErrWrongKind},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePepper([]byte(tt.file))
			if got != nil || !errors.Is(err, tt.want) {
				t.Fatalf("got %v, %v; want %v", got, err, tt.want)
			}
			if !strings.Contains(err.Error(), "pepper") {
				t.Errorf("error %q does not say which file is wanted", err)
			}
			noSecret(t, err.Error(), tt.file)
			if _, err := RotatePepper([]byte(tt.file)); !errors.Is(err, tt.want) {
				t.Errorf("RotatePepper: %v", err)
			}
		})
	}
}

func TestLoadPepper(t *testing.T) {
	t.Parallel()
	pepper, err := LoadPepper(write(t, "pepper.json", string(fixedPepper())))
	if err != nil || pepper.Current() != 11 {
		t.Fatalf("%v", err)
	}
	bad := write(t, "bad.json", "[]")
	if _, err := LoadPepper(bad); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), bad) {
		t.Errorf("a bad file: %v", err)
	}
	if _, err := LoadPepper(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}
