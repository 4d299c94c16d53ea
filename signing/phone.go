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

// ErrPhone means that a payload of my.getPhoneNumber is not signed by Alipay or contains
// no phone number. It is the same error for every cause, so that it is no oracle.
var ErrPhone = errors.New("signing: phone payload not valid")

const maxPhone = 16 << 10 // bytes; real payloads have under 1 KiB

// A Phone is the result of OpenPhone.
type Phone struct {
	Mobile string // digits, optionally with a country code; personal data
	// Digest is the SHA-256 of the signed content. The payload contains neither a user
	// nor a time, so anybody who sees it can replay it, and it is the same each time for
	// the same number. A Digest that another user has sent before is a replay.
	Digest [sha256.Size]byte
}

var mobile = regexp.MustCompile(`^\+?[0-9]{1,4}-?[0-9]{4,16}$`)

// OpenPhone verifies and decrypts the payload that my.getPhoneNumber gives the front end:
//
//	{"response":"<base64, encrypted>","sign":"..","sign_type":"RSA2","encrypt_type":"AES","charset":"UTF-8"}
//
// contentKey is the application's 16-byte AES key. With a key OpenPhone rejects numbers
// that are not encrypted; without one (nil) it accepts only those. The signature is over
// the encrypted text including its quotes, or over plain content without quotes. It is
// verified before anything is decrypted. A payload without signature is rejected; Alipay
// sends those to applications whose configuration is incomplete.
//
// It returns ErrPhone. If the payload is a signed refusal, the error also matches its
// meaning: ErrConfiguration, ErrTokenInvalid (no consent) or ErrUnavailable.
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
			return Phone{}, fmt.Errorf("%w: %w: the content key is not the one in Alipay's console", ErrPhone, ErrConfiguration)
		}
	}
	number, err := readPhone(content)
	if err != nil {
		return Phone{}, err
	}
	if p.encrypted == "" && contentKey != nil {
		return Phone{}, fmt.Errorf("%w: %w: the number is not encrypted although a content key is set; enable content encryption in Alipay's console", ErrPhone, ErrConfiguration)
	}
	return Phone{Mobile: number, Digest: sha256.Sum256(p.signed)}, nil
}

// A phonePayload is a parsed payload whose signature has not been verified.
type phonePayload struct {
	signed    []byte // the signed bytes
	sign      string // base64
	encrypted string // base64; "" if the content is not encrypted
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
	if _, err := findSigner(keyring.AlipayKeys(), p.signed, signature); err != nil {
		return ErrPhone
	}
	return nil
}

// phoneContent parses member response: encrypted content is a string of base64, plain
// content is an object or a string that contains one.
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

// readPhone returns the phone number in verified content. Refusals have members subCode
// and subMsg here, unlike those of the gateway.
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
