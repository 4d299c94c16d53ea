package alipaysim_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"fundpass/signing/alipaysim"
)

type phonePayload struct {
	Response, Sign, Charset string
	SignType                string `json:"sign_type"`
	EncryptType             string `json:"encrypt_type"`
}

func (s fixture) phone(person, fault string) phonePayload {
	s.t.Helper()
	text, err := s.sim.Phone(person, fault)
	if err != nil {
		s.t.Fatal(err)
	}
	var p phonePayload
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s fixture) signed(text, sign string) bool {
	digest := sha256.Sum256([]byte(text))
	raw, err := base64.StdEncoding.DecodeString(sign)
	return err == nil && rsa.VerifyPKCS1v15(s.sim.AlipayKey(), crypto.SHA256, digest[:], raw) == nil
}

// plain decrypts text without removing the padding.
func plain(t testing.TB, key []byte, text string) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw)%aes.BlockSize != 0 {
		t.Fatal(len(raw), err)
	}
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(raw, raw)
	return string(raw)
}

func TestPhone(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef")
	s := newFixture(t, alipaysim.Config{ContentKey: key})
	p := s.phone("ok", "")
	if p.SignType != "RSA2" || p.EncryptType != "AES" || !s.signed(`"`+p.Response+`"`, p.Sign) || s.signed(p.Response, p.Sign) {
		t.Errorf("%+v", p)
	}
	if text := plain(t, key, p.Response); !strings.HasPrefix(text, `{"code":"10000","msg":"Success","mobile":"19900000001"}`) {
		t.Errorf("%q", text)
	}
	for fault, right := range map[string]func(phonePayload) bool{
		"unsigned":  func(p phonePayload) bool { return p.Sign == "" },
		"wrong_key": func(p phonePayload) bool { return !s.signed(`"`+p.Response+`"`, p.Sign) },
		"altered":   func(p phonePayload) bool { return !s.signed(`"`+p.Response+`"`, p.Sign) },
		"refused": func(p phonePayload) bool {
			return s.signed(`"`+p.Response+`"`, p.Sign) && strings.Contains(plain(t, key, p.Response), "isv.invalid-auth-relations")
		},
		"padding": func(p phonePayload) bool {
			return s.signed(`"`+p.Response+`"`, p.Sign) && strings.HasSuffix(plain(t, key, p.Response), "\x00")
		},
	} {
		if p := s.phone("ok", fault); !right(p) {
			t.Errorf("%s: %+v", fault, p)
		}
	}
	if text := plain(t, key, s.phone("old", "").Response); !strings.Contains(text, "isv.invalid-auth-relations") {
		t.Errorf("somebody without a phone: %q", text)
	}
	if n := len(alipaysim.PhoneFaults()); n != 5 {
		t.Errorf("%d faults", n)
	}
}

// Without a content key the payload is a signed refusal that is not encrypted.
func TestPhoneWithoutKey(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	p := s.phone("ok", "")
	if !strings.Contains(p.Response, "isv.missing-encrypt-key") || p.EncryptType != "" || !s.signed(p.Response, p.Sign) {
		t.Errorf("%+v", p)
	}
}

func TestPhoneOverHTTP(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{ContentKey: []byte("0123456789abcdef")})
	var given struct{ Response string }
	if status := s.operate("POST", "/sim/phone", `{"person":"ok"}`, &given); status != http.StatusOK || !strings.Contains(given.Response, `"sign"`) {
		t.Errorf("%d %+v", status, given)
	}
	for body, want := range map[string]int{`{"person":"nobody"}`: 404, `{"person":"ok","fault":"fire"}`: 400, `{}{}`: 400} {
		if status := s.operate("POST", "/sim/phone", body, nil); status != want {
			t.Errorf("%s: %d", body, status)
		}
	}
	if _, err := s.sim.Phone("nobody", ""); !errors.Is(err, alipaysim.ErrUnknownPerson) {
		t.Error(err)
	}
	if _, err := s.sim.Phone("ok", "fire"); !errors.Is(err, alipaysim.ErrUnknownFault) {
		t.Error(err)
	}
}
