package keys_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"fundpass/keys"
)

// A value is encrypted for one row, so that it cannot be moved to another one. A blind
// index finds the row without decrypting it.
func ExampleColumnCipher() {
	file, err := keys.NewColumnKey()
	if err != nil {
		log.Fatal(err)
	}
	cipher, err := keys.ParseColumnCipher(file)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := cipher.Seal([]byte("欧阳测试"), []byte("accounts.name/1"))
	if err != nil {
		log.Fatal(err)
	}
	plain, err := cipher.Open(sealed, []byte("accounts.name/1"))
	fmt.Printf("%s %v\n", plain, err)
	_, err = cipher.Open(sealed, []byte("accounts.name/2"))
	fmt.Println(err)

	stored := cipher.Index("person", []byte("01"), []byte("990101195603070012"))
	asked := cipher.Index("person", []byte("01"), []byte("990101195603070012"))
	fmt.Println(bytes.Equal(stored, asked))
	// Output:
	// 欧阳测试 <nil>
	// keys: sealed value cannot be decrypted
	// true
}

// After a rotation the new key encrypts, and the old one still decrypts.
func ExampleRotateColumnKey() {
	file, err := keys.NewColumnKey()
	if err != nil {
		log.Fatal(err)
	}
	before, err := keys.ParseColumnCipher(file)
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := before.Seal([]byte("欧阳测试"), []byte("accounts.name/1"))
	if err != nil {
		log.Fatal(err)
	}
	if file, err = keys.RotateColumnKey(file); err != nil {
		log.Fatal(err)
	}
	after, err := keys.ParseColumnCipher(file)
	if err != nil {
		log.Fatal(err)
	}
	plain, err := after.Open(sealed, []byte("accounts.name/1"))
	fmt.Printf("%s %v, sealed by the newest key: %v\n", plain, err, after.Newest(sealed))
	// Output:
	// 欧阳测试 <nil>, sealed by the newest key: false
}

// The error reports all problems at once, each with its path.
func ExampleLoadAlipayKeyring() {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	own, err := keys.NewAppKey()
	if err != nil {
		log.Fatal(err)
	}
	alipay, err := keys.NewAppKey() // Alipay's key pair
	if err != nil {
		log.Fatal(err)
	}
	files := keys.AlipayKeyringFiles{
		AppID:      "2021000000000001",
		AppKey:     filepath.Join(dir, "app.pem"),
		AlipayKeys: []string{filepath.Join(dir, "alipay.pem")},
	}
	if err := os.WriteFile(files.AppKey, own.PEM(), 0o600); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(files.AlipayKeys[0], alipay.PublicPEM(), 0o600); err != nil {
		log.Fatal(err)
	}
	keyring, err := keys.LoadAlipayKeyring(files)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keyring.AppID(), "trusts", len(keyring.AlipayKeys()), "key of Alipay's")

	files.AlipayKeys = nil
	_, err = keys.LoadAlipayKeyring(files)
	fmt.Println(err)
	// Output:
	// 2021000000000001 trusts 1 key of Alipay's
	// keys: setting is missing: at least one Alipay public key or certificate
}
