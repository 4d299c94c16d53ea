package alipaysim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// PhoneFaults returns the faults of Phone by name, with a description of each.
func PhoneFaults() map[string]string {
	return map[string]string{
		"unsigned":  "no signature, as for an application that is not configured",
		"wrong_key": "signed with another application's Alipay key",
		"altered":   "the encrypted text changed after signing",
		"refused":   "a signed refusal: the user has not consented",
		"padding":   "signed, with invalid padding",
	}
}

// Phone returns the result of my.getPhoneNumber for person, a JSON text, with fault
// applied ("" = none). Without Config.ContentKey it returns a signed refusal. Errors:
// ErrUnknownPerson, ErrUnknownFault.
func (s *Sim) Phone(person, fault string) (string, error) {
	if _, known := PhoneFaults()[fault]; !known && fault != "" {
		return "", ErrUnknownFault
	}
	about, err := s.subject(Notice{Person: person, Kind: "alipay.open.auth.userauth.cancelled"})
	if err != nil {
		return "", err
	}
	response, err := s.phoneResponse(about, fault)
	if err != nil {
		return "", err
	}
	key := s.signer().key
	if fault == "wrong_key" {
		if key, err = s.foreignKey(); err != nil {
			return "", err
		}
	}
	return phonePayload(response, key, fault)
}

// phoneResponse returns the text to sign; it includes quotes if it is encrypted.
func (s *Sim) phoneResponse(about Person, fault string) (string, error) {
	if s.cfg.ContentKey == nil {
		return `{"code":"40001","msg":"Missing Required Arguments","subCode":"isv.missing-encrypt-key","subMsg":"缺少加密配置"}`, nil
	}
	content := `{"code":"10000","msg":"Success","mobile":"` + about.Phone + `"}`
	if fault == "refused" || about.Phone == "" {
		content = `{"code":"40003","msg":"Insufficient Conditions","subCode":"isv.invalid-auth-relations","subMsg":"无效的授权关系"}`
	}
	padding := aes.BlockSize - len(content)%aes.BlockSize
	plain := append([]byte(content), bytes.Repeat([]byte{byte(padding)}, padding)...)
	if fault == "padding" {
		plain[len(plain)-1] = 0
	}
	block, err := aes.NewCipher(s.cfg.ContentKey)
	if err != nil {
		return "", fmt.Errorf("alipaysim: %w", err)
	}
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(plain, plain)
	return `"` + base64.StdEncoding.EncodeToString(plain) + `"`, nil
}

// phonePayload signs response and returns the payload.
func phonePayload(response string, key *rsa.PrivateKey, fault string) (string, error) {
	signature, err := sign(key, []byte(response))
	if err != nil {
		return "", err
	}
	text := string(bytes.Trim([]byte(response), `"`))
	if response[0] == '{' {
		text = response
	}
	if fault == "altered" {
		text = "AAAA" + text[4:]
	}
	payload := map[string]string{"response": text, "sign": signature, "sign_type": "RSA2", "charset": "UTF-8"}
	if response[0] == '"' {
		payload["encrypt_type"] = "AES"
	}
	if fault == "unsigned" {
		delete(payload, "sign")
	}
	out, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("alipaysim: %w", err)
	}
	return string(out), nil
}
