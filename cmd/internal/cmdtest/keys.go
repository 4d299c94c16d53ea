package cmdtest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"sync"
	"testing"

	"fundpass/keys"
)

// TestKeys returns keys that are generated once, because RSA keys are slow to generate.
var TestKeys = sync.OnceValue(func() (all struct {
	Files  map[string][]byte // as fundpass keys new writes them
	Alipay [2]*rsa.PrivateKey
}) {
	must := func(content []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return content
	}
	newKey := func() *keys.AppKey {
		key, err := keys.NewAppKey()
		if err != nil {
			panic(err)
		}
		return key
	}
	app := newKey()
	all.Files = map[string][]byte{
		"app_private_key.pem": app.PEM(), "app_public_key.txt": []byte(app.Public()),
		"app_private_pkcs8.txt": []byte(app.PKCS8()), "app_private_pkcs1.txt": []byte(app.PKCS1()), "transport_private_key.pem": newKey().PEM(),
		"column.key": must(keys.NewColumnKey()), "pepper.key": must(keys.NewPepperKey()),
	}
	all.Alipay = [2]*rsa.PrivateKey{newKey().Private(), newKey().Private()}
	return all
})

// PublicText returns a key as Alipay's console shows it.
func PublicText(t testing.TB, key *rsa.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	NoError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}
