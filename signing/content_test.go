package signing

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// The vectors are the test cases of Alipay's Java SDK.
func TestVectorsContent(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct{ Name, Type, Key, Plain, Cipher string }
	}
	readVectors(t, "aes.json", &file)
	checked := 0
	for _, c := range file.Cases {
		if c.Type != "AES" { // applications cannot choose AES_V2 or SM4
			continue
		}
		checked++
		key, err := base64.StdEncoding.DecodeString(c.Key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := EncryptContent(key, []byte(c.Plain)); got != c.Cipher || err != nil {
			t.Errorf("%s: encrypted %q, %v", c.Name, got, err)
		}
		if got, err := DecryptContent(key, c.Cipher); string(got) != c.Plain || err != nil {
			t.Errorf("%s: decrypted %q, %v", c.Name, got, err)
		}
	}
	if checked < 2 {
		t.Errorf("%d cases", checked)
	}
}

func TestContentRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		before := bytes.Clone(plain)
		text, err := EncryptContent(key, plain)
		if err != nil || !bytes.Equal(plain, before) {
			t.Fatalf("%v, or the text was changed", err)
		}
		if got, err := DecryptContent(key, text); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%x %v", got, err)
		}
	})
}

// DecryptContent returns the same error for every cause.
func TestContentRefused(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef")
	good, err := EncryptContent(key, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := EncryptContent([]byte("fedcba9876543210"), []byte("text"))
	for _, text := range []string{"", "x", "AAAA", good[:20], good + "\n", " " + good, other, base64.StdEncoding.EncodeToString(make([]byte, 16))} {
		if got, err := DecryptContent(key, text); err != ErrContent || got != nil {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, size := range []int{0, 15, 17, 32} {
		if _, err := DecryptContent(make([]byte, size), good); !errors.Is(err, ErrKey) {
			t.Errorf("key of %d: %v", size, err)
		}
		if _, err := EncryptContent(make([]byte, size), nil); !errors.Is(err, ErrKey) {
			t.Errorf("key of %d: %v", size, err)
		}
	}
}
