package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"
)

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sealFor encrypts plain like a front end, with the result of Current.
func sealFor(t *testing.T, public string, label, plain []byte) []byte {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(public)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), plain, label)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestTransport(t *testing.T) {
	t.Parallel()
	oldKey, newKey := newRSA(t, 2048), newRSA(t, 2048)
	before, err := NewTransport(oldKey)
	if err != nil {
		t.Fatal(err)
	}
	after, err := NewTransport(newKey, oldKey)
	if err != nil {
		t.Fatal(err)
	}
	oldKID, oldPublic := before.Current()
	newKID, newPublic := after.Current()
	der, _ := base64.StdEncoding.DecodeString(newPublic)
	if sum := sha256.Sum256(der); newKID != hex.EncodeToString(sum[:])[:16] || newKID == oldKID {
		t.Errorf("the id %q is not made from the key", newKID)
	}
	plain, label := []byte(`{"o":"Quiet-River-1"}`), []byte("label")
	old := sealFor(t, oldPublic, label, plain)
	for name, tc := range map[string]struct {
		kid           string
		label, sealed []byte
		opens         bool
	}{
		"the key handed out":       {newKID, label, sealFor(t, newPublic, label, plain), true},
		"the key before it":        {oldKID, label, old, true},
		"another label":            {oldKID, []byte("other"), old, false},
		"under the other key":      {newKID, label, old, false},
		"an unknown key":           {"0123456789abcdef", label, old, false},
		"no key":                   {"", label, old, false},
		"one byte short":           {oldKID, label, old[1:], false},
		"one byte long":            {oldKID, label, append([]byte{0}, old...), false},
		"one bit flipped":          {oldKID, label, append([]byte{old[0] ^ 1}, old[1:]...), false},
		"nothing":                  {oldKID, label, nil, false},
		"all zero":                 {oldKID, label, make([]byte, 256), false},
		"unknown, of right length": {"ffffffffffffffff", label, sealFor(t, newPublic, label, plain), false},
	} {
		got, err := after.Open(tc.kid, tc.label, tc.sealed)
		if tc.opens != (err == nil) || tc.opens && !bytes.Equal(got, plain) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && (err != ErrTransport || got != nil) {
			t.Errorf("%s: distinguishable error %v, %q", name, err, got)
		}
	}
	if !after.Holds(&oldKey.PublicKey) || before.Holds(&newKey.PublicKey) {
		t.Error("Holds returned a wrong result")
	}
}

func TestTransportRefuses(t *testing.T) {
	t.Parallel()
	key := newRSA(t, 2048)
	for name, tc := range map[string]struct {
		keys []*rsa.PrivateKey
		want error
	}{
		"none":  {nil, ErrIncomplete},
		"weak":  {[]*rsa.PrivateKey{newRSA(t, 1024)}, ErrWeak},
		"long":  {[]*rsa.PrivateKey{key, newRSA(t, 3072)}, ErrFormat}, // my.rsa refuses it, so every page would fail (E4)
		"twice": {[]*rsa.PrivateKey{key, key}, ErrDuplicate},
		"many":  {[]*rsa.PrivateKey{key, key, key, key, key}, ErrIncomplete},
	} {
		if _, err := NewTransport(tc.keys...); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
