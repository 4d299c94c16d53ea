package signing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"strings"
)

// ErrContent says that content does not open under the content key. It is one error
// for every cause: which it was would let a stranger read without the key.
var ErrContent = errors.New("signing: content does not open")

// EncryptContent encrypts as Alipay's "interface content encryption" does: AES-128,
// CBC with an IV of zeros, PKCS#7 padding, base64. Nothing protects the result from
// being changed, so it must be signed, and equal texts become equal results. Fails
// with ErrKey unless key has 16 bytes.
func EncryptContent(key, plain []byte) (string, error) {
	block, err := contentCipher(key)
	if err != nil {
		return "", err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(padded, padded)
	return base64.StdEncoding.EncodeToString(padded), nil
}

// DecryptContent is EncryptContent's inverse. Only what is signed may be given to it:
// verify first. Fails with ErrKey or ErrContent.
func DecryptContent(key []byte, text string) ([]byte, error) {
	block, err := contentCipher(key)
	if err != nil {
		return nil, err
	}
	raw, err := strictBase64.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") || len(raw) == 0 || len(raw)%aes.BlockSize != 0 {
		return nil, ErrContent
	}
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(raw, raw)
	pad := int(raw[len(raw)-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.HasSuffix(raw, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, ErrContent
	}
	return raw[:len(raw)-pad], nil
}

func contentCipher(key []byte) (cipher.Block, error) {
	if len(key) != 16 {
		return nil, ErrKey
	}
	return aes.NewCipher(key)
}
