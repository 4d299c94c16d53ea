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

// PhoneFaults returns the faults Phone takes, each with what it does.
func PhoneFaults() map[string]string {
	return map[string]string{
		"unsigned":  "no signature, as for an application without settings",
		"wrong_key": "signed with another application's Alipay key",
		"altered":   "the encrypted text changed after signing",
		"refused":   "a truly signed refusal: the citizen has not consented",
		"padding":   "truly signed, but its padding is wrong",
	}
}

// Phone returns what my.getPhoneNumber gives the front end for person, a JSON text,
// spoilt by fault ("" = not at all). An application without a content key gets a
// refusal. Fails with ErrUnknownPerson or ErrUnknownFault.
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
		if key, err = s.intrude(); err != nil {
			return "", err
		}
	}
	return phonePayload(response, key, fault)
}

// phoneResponse is the text that is signed, with quotes when it is encrypted.
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
