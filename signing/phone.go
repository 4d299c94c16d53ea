package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"fundpass/keys"
)

// ErrPhone says that a payload of my.getPhoneNumber is not Alipay's or tells no phone
// number. What a stranger sends gets this one error, whatever is wrong with it.
var ErrPhone = errors.New("signing: phone payload not valid")

const maxPhone = 16 << 10 // bytes; real payloads have under 1 KiB

// A Phone is what OpenPhone found.
type Phone struct {
	Mobile string // digits, perhaps with a country prefix; personal data
	// Digest is that of the payload's content. The payload names neither citizen nor
	// time and may be sent again by anybody who sees it, and the same number gives the
	// same content each time: a Digest that another citizen has used is a replay.
	Digest [sha256.Size]byte
}

var mobile = regexp.MustCompile(`^\+?[0-9]{1,4}-?[0-9]{4,16}$`)

// OpenPhone reads what my.getPhoneNumber gave the front end:
//
//	{"response":"<base64, encrypted>","sign":"..","sign_type":"RSA2","encrypt_type":"AES","charset":"UTF-8"}
//
// contentKey is the application's 16-byte AES key. With it no number is taken in the
// clear, only a refusal; without it (nil) there is nothing but clear content. Nothing is decrypted before the
// signature is found right, over the encrypted text with its quotes or over content
// in the clear without. A payload with no signature is refused; Alipay sends those
// to applications that lack a setting.
//
// Fails with ErrPhone. When Alipay signed a refusal, the error also matches what it
// means: ErrConfiguration, ErrTokenInvalid (no consent) or ErrUnavailable.
func OpenPhone(keyring *keys.AlipayKeyring, contentKey, payload []byte) (Phone, error) {
	p, err := parsePhone(payload)
	if err != nil {
		return Phone{}, err
	}
	if err := p.verify(keyring); err != nil {
		return Phone{}, err
	}
	content := p.signed
	if p.encrypted != "" {
		if content, err = DecryptContent(contentKey, p.encrypted); err != nil {
			return Phone{}, fmt.Errorf("%w: %w: content key is not the console's", ErrPhone, ErrConfiguration)
		}
	}
	number, err := readPhone(content)
	if err != nil {
		return Phone{}, err
	}
	if p.encrypted == "" && contentKey != nil {
		return Phone{}, fmt.Errorf("%w: %w: number in the clear, though there is a content key: the console's content encryption is off", ErrPhone, ErrConfiguration)
	}
	return Phone{Mobile: number, Digest: sha256.Sum256(p.signed)}, nil
}

// A phonePayload is taken apart and not yet believed.
type phonePayload struct {
	signed    []byte // what the signature is over
	sign      string // base64
	encrypted string // "" = content in the clear, which is signed itself
}

func parsePhone(payload []byte) (phonePayload, error) {
	if len(payload) > maxPhone {
		return phonePayload{}, ErrPhone
	}
	nodes, err := splitObject(payload)
	if err != nil {
		return phonePayload{}, ErrPhone
	}
	text := make(map[string]string, 4)
	for _, name := range []string{"sign", "sign_type", "encrypt_type"} {
		raw, ok := nodes[name]
		var s string
		if ok && (raw[0] != '"' || json.Unmarshal(raw, &s) != nil) {
			return phonePayload{}, ErrPhone
		}
		text[name] = s
	}
	if kind := text["sign_type"]; text["sign"] == "" || kind != "" && kind != "RSA2" {
		return phonePayload{}, ErrPhone
	}
	if kind := text["encrypt_type"]; kind != "" && kind != "AES" {
		return phonePayload{}, ErrPhone
	}
	p, err := phoneContent(nodes["response"])
	if err != nil {
		return phonePayload{}, err
	}
	p.sign = text["sign"]
	return p, nil
}

func (p phonePayload) verify(keyring *keys.AlipayKeyring) error {
	signature, err := decodeSignature(p.sign)
	if err != nil {
		return ErrPhone
	}
	if _, err := whoSigned(keyring.AlipayKeys(), p.signed, signature); err != nil {
		return ErrPhone
	}
	return nil
}

// phoneContent tells encrypted content from an object, which comes as itself or as a
// string that holds one.
func phoneContent(raw json.RawMessage) (phonePayload, error) {
	if isObject(raw) {
		return phonePayload{signed: raw}, nil
	}
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil || s == "" {
		return phonePayload{}, ErrPhone
	}
	if s[0] == '{' {
		return phonePayload{signed: []byte(s)}, nil
	}
	return phonePayload{signed: []byte(`"` + s + `"`), encrypted: s}, nil
}

// readPhone reads signed content. Unlike everywhere else, its refusals are spelt
// subCode and subMsg.
func readPhone(content []byte) (string, error) {
	nodes, err := splitObject(bytes.TrimSpace(content))
	if err != nil {
		return "", ErrPhone
	}
	text := make(map[string]string, 3)
	for _, name := range []string{"code", "subCode", "mobile"} {
		var s string
		if raw, ok := nodes[name]; ok && json.Unmarshal(raw, &s) != nil {
			return "", ErrPhone
		}
		text[name] = s
	}
	if text["code"] != "10000" || text["subCode"] != "" {
		return "", fmt.Errorf("%w: %w", ErrPhone, newRefusal(text["code"], text["subCode"]))
	}
	if !mobile.MatchString(text["mobile"]) {
		return "", ErrPhone
	}
	return text["mobile"], nil
}
