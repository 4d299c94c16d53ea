package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"fundpass/keys"
)

// Keys generated once a run.
var (
	ownKey    = sync.OnceValue(func() *rsa.PrivateKey { return newTestKey(2048) })
	alipayKey = sync.OnceValue(func() *rsa.PrivateKey { return newTestKey(2048) })
	otherKey  = sync.OnceValue(func() *rsa.PrivateKey { return newTestKey(2048) })
)

func newTestKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

const testSN = "0123456789abcdef0123456789abcdef"

// testKeyring trusts alipayKey under testSN.
func testKeyring(t testing.TB) *keys.AlipayKeyring {
	t.Helper()
	keyring, err := keys.NewAlipayKeyring("2021000000000001", ownKey(), []keys.AlipayKey{{SN: testSN, Public: &alipayKey().PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

func mustSign(t testing.TB, key crypto.Signer, text string) string {
	t.Helper()
	signature, err := Sign(key, text)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func readTestdata(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
