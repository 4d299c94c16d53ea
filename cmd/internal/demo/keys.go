package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"

	"fundpass/cmd/internal/settings"
	"fundpass/keys"
	"fundpass/miniapp-api/sms/smssim"
)

// Key files of the demo, created at the first start and kept. The simulator's two
// are the ones that Alipay holds and publishes.
const (
	appKeyFile       = "app-key.pem"
	alipayKeyFile    = "alipay-key.pem"
	alipayPublicFile = "alipay-public-key.pem"
	columnKeyFile    = "column-key.json"
	pepperFile       = "pepper.json"
	transportKeyFile = "transport-key.pem"
	contentKeyFile   = "content-key.txt"
	smsKeyFile       = "sms-key.txt"
	smsGatewayFile   = "sms-gateway.json"
)

// makeKeys creates the key files that do not exist.
func (h *dataDir) makeKeys() error {
	for name, make := range map[string]func() ([]byte, error){
		appKeyFile: newPrivatePEM, alipayKeyFile: newPrivatePEM, transportKeyFile: newPrivatePEM,
		columnKeyFile: keys.NewColumnKey, pepperFile: keys.NewPepperKey, contentKeyFile: newContentKey,
		smsKeyFile: func() ([]byte, error) { return smssim.NewKey(), nil },
	} {
		_, err := os.Lstat(h.path(name))
		if !errors.Is(err, fs.ErrNotExist) {
			continue // its reader reports what is wrong with it
		}
		content, err := make()
		if err != nil {
			return err
		}
		if err := settings.WriteNew(h.path(name), content); err != nil {
			return err
		}
	}
	return h.publishAlipayKey()
}

func newPrivatePEM() ([]byte, error) {
	key, err := keys.NewAppKey()
	if err != nil {
		return nil, err
	}
	return key.PEM(), nil
}

// newContentKey returns a key as Alipay's console generates it under 接口内容加密方式.
func newContentKey() ([]byte, error) {
	var key [settings.ContentKeySize]byte
	rand.Read(key[:])
	return base64.StdEncoding.AppendEncode(nil, key[:]), nil
}

// publishAlipayKey writes the simulator's public key, which production servers get from
// Alipay's console.
func (h *dataDir) publishAlipayKey() error {
	key, err := h.privateKey(alipayKeyFile)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return os.WriteFile(h.path(alipayPublicFile), block, 0o600)
}

func (h *dataDir) privateKey(name string) (*rsa.PrivateKey, error) {
	data, err := settings.ReadSmall(h.path(name))
	if err != nil {
		return nil, err
	}
	return keys.ParsePrivateKey(data)
}
