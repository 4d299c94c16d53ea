package keys

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// tinkKey returns a key of a Tink keyset file. The last part of typeURL is its algorithm,
// and proto its serialized message.
func tinkKey(typeURL string, id uint32, prefix string, proto []byte) map[string]any {
	return map[string]any{
		"keyData": map[string]any{
			"typeUrl":         "type.googleapis.com/google.crypto.tink." + typeURL,
			"value":           base64.StdEncoding.EncodeToString(proto),
			"keyMaterialType": "SYMMETRIC",
		},
		"status": "ENABLED", "keyId": id, "outputPrefixType": prefix,
	}
}

func counting(n int) []byte {
	key := make([]byte, n)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

// gcmKey returns AesGcmKey{key_value: n bytes}, hmacKey returns HmacPrfKey{params{hash: SHA256}, key_value: n bytes}.
func gcmKey(n int) []byte  { return append([]byte{0x1a, byte(n)}, counting(n)...) }
func hmacKey(n int) []byte { return append([]byte{0x12, 2, 0x08, 3, 0x1a, byte(n)}, counting(n)...) }

func tinkKeyset(primary uint32, keys ...map[string]any) map[string]any {
	return map[string]any{"primaryKeyId": primary, "key": keys}
}

func jsonText(v any) []byte { return must(json.Marshal(v)) }

// fixedColumnKey returns a column key file with known keys.
func fixedColumnKey() []byte {
	return jsonText(map[string]any{
		"aead":  tinkKeyset(7, tinkKey("AesGcmKey", 7, "TINK", gcmKey(32))),
		"index": tinkKeyset(9, tinkKey("HmacPrfKey", 9, "RAW", hmacKey(32))),
	})
}

func newColumnCipher(t testing.TB) *ColumnCipher {
	t.Helper()
	return must(ParseColumnCipher(must(NewColumnKey())))
}

// sealedEarlier is "depositor" encrypted for "accounts.name" with fixedColumnKey by the
// first version of this package. Later versions must decrypt it.
const sealedEarlier = "010000000738992c62a41794eb79b4a741bce08368cffa4e827fd03a0c4b2a140bbf01864f8f48d2ab48"

func TestColumnCipherOpensEarlierValues(t *testing.T) {
	t.Parallel()
	cipher := must(ParseColumnCipher(fixedColumnKey()))
	plain, err := cipher.Open(must(hex.DecodeString(sealedEarlier)), []byte("accounts.name"))
	if err != nil || string(plain) != "depositor" {
		t.Errorf("opened %q, %v", plain, err)
	}
}

// The index must never change, because it is stored. This is a second implementation of it.
func TestIndexDefinition(t *testing.T) {
	t.Parallel()
	cipher := must(ParseColumnCipher(fixedColumnKey()))
	mac := hmac.New(sha256.New, counting(32))
	for _, part := range []string{"person", "01", "TEST-0001"} {
		binary.Write(mac, binary.BigEndian, uint64(len(part)))
		mac.Write([]byte(part))
	}
	got := cipher.Index("person", []byte("01"), []byte("TEST-0001"))
	if want := mac.Sum(nil); !bytes.Equal(got, want) {
		t.Errorf("index %x, want %x", got, want)
	}
}

func TestIndexSeparates(t *testing.T) {
	t.Parallel()
	cipher, parts := newColumnCipher(t), func(s ...string) [][]byte {
		var out [][]byte
		for _, p := range s {
			out = append(out, []byte(p))
		}
		return out
	}
	inputs := map[string][]byte{
		"ab,c":         cipher.Index("p", parts("ab", "c")...),
		"a,bc":         cipher.Index("p", parts("a", "bc")...),
		"abc":          cipher.Index("p", parts("abc")...),
		"abc,empty":    cipher.Index("p", parts("abc", "")...),
		"none":         cipher.Index("p"),
		"empty":        cipher.Index("p", nil),
		"purpose":      cipher.Index("q", parts("abc")...),
		"moved":        cipher.Index("pa", parts("bc")...),
		"other cipher": newColumnCipher(t).Index("p", parts("abc")...),
	}
	seen := map[string]string{}
	for name, index := range inputs {
		if len(index) != 32 {
			t.Errorf("%s: %d bytes", name, len(index))
		}
		if other, ok := seen[string(index)]; ok {
			t.Errorf("%s and %s have one index", name, other)
		}
		seen[string(index)] = name
	}
	if !bytes.Equal(inputs["abc"], cipher.Index("p", []byte("abc"))) {
		t.Error("the same input gave another index")
	}
}

// A sealed value opens only with its context, its ColumnCipher and unchanged bits. It still
// opens after any number of rotations.
func TestColumnCipherProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		file := must(NewColumnKey())
		cipher := must(ParseColumnCipher(file))
		plain := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "plain")
		context := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "context")
		sealed := must(cipher.Seal(plain, context))
		if len(sealed) != len(plain)+33 {
			t.Fatalf("%d bytes sealed are %d", len(plain), len(sealed))
		}
		opens(t, cipher, sealed, context, plain)
		other := rapid.SliceOfN(rapid.Byte(), 0, 40).Filter(func(b []byte) bool { return !bytes.Equal(b, context) }).Draw(t, "other")
		refuses(t, cipher, sealed, other)
		refuses(t, must(ParseColumnCipher(must(NewColumnKey()))), sealed, context)
		bit := rapid.IntRange(0, len(sealed)*8-1).Draw(t, "bit")
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		refuses(t, cipher, changed, context)
		refuses(t, cipher, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")], context)

		index := cipher.Index("p", plain)
		for range rapid.IntRange(1, 3).Draw(t, "rotations") {
			file = must(RotateColumnKey(file))
		}
		rotated := must(ParseColumnCipher(file))
		opens(t, rotated, sealed, context, plain)
		refuses(t, rotated, sealed, other)
		refuses(t, cipher, must(rotated.Seal(plain, context)), context) // sealed with the new key
		if !bytes.Equal(rotated.Index("p", plain), index) {
			t.Fatal("rotation changed an index")
		}
	})
}

type fataler interface{ Fatalf(string, ...any) }

func opens(t fataler, cipher *ColumnCipher, sealed, context, want []byte) {
	got, err := cipher.Open(sealed, context)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("opened %x, %v; want %x", got, err, want)
	}
}

func refuses(t fataler, cipher *ColumnCipher, sealed, context []byte) {
	got, err := cipher.Open(sealed, context)
	if !errors.Is(err, ErrSealed) || got != nil {
		t.Fatalf("opened %x, %v; want ErrSealed", got, err)
	}
}

func TestParseColumnCipherRefuses(t *testing.T) {
	t.Parallel()
	goodAEAD := tinkKeyset(7, tinkKey("AesGcmKey", 7, "TINK", gcmKey(32)))
	goodIndex := tinkKeyset(9, tinkKey("HmacPrfKey", 9, "RAW", hmacKey(32)))
	cipher := func(aead, index any) string {
		return string(jsonText(map[string]any{"aead": aead, "index": index}))
	}
	sha512 := append([]byte{0x12, 2, 0x08, 4, 0x1a, 32}, counting(32)...)
	tests := []struct {
		name, file string
		want       error
		contains   string
	}{
		{"empty", "", ErrEmpty, "aead"},
		{"words", "open sesame", ErrFormat, "column key file"},
		{"pepper file", string(must(NewPepperKey())), ErrFormat, "column key file"},
		{"private key", pemText("PRIVATE KEY", pkcs8(ownKey())), ErrFormat, "column key file"},
		{"two objects", string(fixedColumnKey()) + string(fixedColumnKey()), ErrFormat, "column key file"},
		{"cut", string(fixedColumnKey()[:200]), ErrFormat, "column key file"},
		{"null", "null", ErrFormat, "aead"},
		{"no aead", `{"index":` + string(jsonText(goodIndex)) + `}`, ErrFormat, `"aead"`},
		{"no index", `{"aead":` + string(jsonText(goodAEAD)) + `}`, ErrFormat, `"index"`},
		{"no keys", cipher(tinkKeyset(7), goodIndex), ErrFormat, `"aead"`},
		{"primary absent", cipher(tinkKeyset(8, tinkKey("AesGcmKey", 7, "TINK", gcmKey(32))), goodIndex), ErrFormat, `"aead"`},
		{"one id twice", cipher(goodAEAD, tinkKeyset(9, tinkKey("HmacPrfKey", 9, "RAW", hmacKey(32)), tinkKey("HmacPrfKey", 9, "RAW", hmacKey(32)))), ErrFormat, `"index"`},
		{"aes-128", cipher(tinkKeyset(7, tinkKey("AesGcmKey", 7, "TINK", gcmKey(16))), goodIndex), ErrWrongKind, `"aead"`},
		{"raw aead", cipher(tinkKeyset(7, tinkKey("AesGcmKey", 7, "RAW", gcmKey(32))), goodIndex), ErrWrongKind, `"aead"`},
		{"short index key", cipher(goodAEAD, tinkKeyset(9, tinkKey("HmacPrfKey", 9, "RAW", hmacKey(16)))), ErrWrongKind, `"index"`},
		{"sha-512 index", cipher(goodAEAD, tinkKeyset(9, tinkKey("HmacPrfKey", 9, "RAW", sha512))), ErrWrongKind, `"index"`},
		{"swapped", cipher(goodIndex, goodAEAD), ErrWrongKind, `"aead"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseColumnCipher([]byte(tt.file))
			if got != nil {
				t.Fatal("a cipher was returned with an error")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.contains) {
				t.Fatalf("error %q, want %q containing %q", err, tt.want, tt.contains)
			}
			noSecret(t, err.Error(), tt.file)
			if _, err := RotateColumnKey([]byte(tt.file)); !errors.Is(err, tt.want) {
				t.Errorf("RotateColumnKey: %v", err)
			}
		})
	}
}

// A disabled key does not decrypt.
func TestColumnCipherDisabledKey(t *testing.T) {
	t.Parallel()
	old := tinkKey("AesGcmKey", 7, "TINK", gcmKey(32))
	fresh := tinkKey("AesGcmKey", 8, "TINK", append([]byte{0x1a, 32}, bytes.Repeat([]byte{5}, 32)...))
	index := tinkKeyset(9, tinkKey("HmacPrfKey", 9, "RAW", hmacKey(32)))
	sealed := must(must(ParseColumnCipher(fixedColumnKey())).Seal([]byte("x"), nil))
	file := func() []byte {
		return jsonText(map[string]any{"aead": tinkKeyset(8, old, fresh), "index": index})
	}
	opens(t, must(ParseColumnCipher(file())), sealed, nil, []byte("x"))
	old["status"] = "DISABLED"
	refuses(t, must(ParseColumnCipher(file())), sealed, nil)
}

func TestLoadColumnCipher(t *testing.T) {
	t.Parallel()
	path := write(t, "columns.json", "\ufeff"+strings.ReplaceAll(string(fixedColumnKey()), "\n", "\r\n"))
	cipher, err := LoadColumnCipher(path)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, cipher, must(hex.DecodeString(sealedEarlier)), []byte("accounts.name"), []byte("depositor"))
	bad := write(t, "bad.json", "{}")
	if _, err := LoadColumnCipher(bad); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), bad) {
		t.Errorf("a bad file: %v", err)
	}
	if _, err := LoadColumnCipher(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}

func TestColumnCipherConcurrent(t *testing.T) {
	t.Parallel()
	cipher := newColumnCipher(t)
	index := cipher.Index("p", []byte("x"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			plain := []byte(fmt.Sprint(i))
			for range 100 {
				sealed, err := cipher.Seal(plain, plain)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := cipher.Open(sealed, plain)
				if err != nil || !bytes.Equal(got, plain) || !bytes.Equal(cipher.Index("p", []byte("x")), index) {
					t.Errorf("worker %d: %q, %v", i, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// fmt prints no key of a ColumnCipher or a Pepper.
func TestColumnCipherPrintsNoKey(t *testing.T) {
	t.Parallel()
	key := counting(32)
	cipher := must(ParseColumnCipher(fixedColumnKey()))
	pepper := must(ParsePepper(fixedPepper()))
	shapes := []string{
		base64.StdEncoding.EncodeToString(key)[:16], hex.EncodeToString(key)[:16],
		strings.Trim(fmt.Sprint(key[:8]), "[]"), "0x3, 0x4, 0x5, 0x6", string(key[3:12]),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, v := range []any{cipher, *cipher, pepper, *pepper} {
			text := fmt.Sprintf(verb, v)
			for _, shape := range shapes {
				if strings.Contains(text, shape) {
					t.Errorf("%s of %T prints the key", verb, v)
				}
			}
		}
	}
}

// A file that parses can be rotated, and the new ColumnCipher opens values of the old one
// and computes the same indexes.
func FuzzParseColumnCipher(f *testing.F) {
	f.Add(fixedColumnKey())
	f.Add(must(NewColumnKey()))
	f.Add(must(RotateColumnKey(fixedColumnKey())))
	f.Add(must(NewPepperKey()))
	f.Add([]byte(`{"aead":null,"index":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cipher, err := ParseColumnCipher(data)
		if err != nil {
			if cipher != nil {
				t.Fatal("a cipher was returned with an error")
			}
			return
		}
		sealed, err := cipher.Seal(data, []byte("c"))
		if err != nil {
			t.Fatal(err)
		}
		file, err := RotateColumnKey(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseColumnCipher(file)
		if err != nil {
			t.Fatal(err)
		}
		opens(t, again, sealed, []byte("c"), data)
		if !bytes.Equal(again.Index("p", data), cipher.Index("p", data)) {
			t.Fatal("the encoded file computes other indexes")
		}
	})
}
