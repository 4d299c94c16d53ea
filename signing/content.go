package signing

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"strings"
)

// ErrContent means that a text could not be decrypted with the content key. It is the
// same error for every cause, because an error that tells bad padding from bad base64
// is a padding oracle.
var ErrContent = errors.New("signing: content cannot be decrypted")

// EncryptContent encrypts plain as Alipay's interface content encryption
// (接口内容加密) does: AES-128-CBC with an all-zero IV, PKCS#7 padding, standard base64.
// The result is deterministic and not authenticated, so it must be signed. It returns
// ErrKey unless key has 16 bytes.
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

// DecryptContent decrypts the result of EncryptContent. The caller must verify the
// signature over text first. Errors: ErrKey, ErrContent.
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
