package signing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func phone(t testing.TB, sim *alipaysim.Sim, fault string) string {
	t.Helper()
	payload, err := sim.Phone("ok", fault)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// signedPhone returns a payload with member response and the signature of text.
func signedPhone(t testing.TB, response, text string) string {
	t.Helper()
	return fmt.Sprintf(`{"response":%s,"sign":"%s"}`, response, alipaySigns(t, text))
}

func quoted(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

func TestOpenPhone(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), otherKey(), alipayKey())
	sim := newSim(t, alipaysim.Config{})
	first, err := signing.OpenPhone(keyring, contentKey, []byte(phone(t, sim, "")))
	if err != nil || first.Mobile != "19900000001" || first.Digest == [32]byte{} {
		t.Fatalf("%+v %v", first, err)
	}
	again, err := signing.OpenPhone(keyring, contentKey, []byte(phone(t, sim, "")))
	if err != nil || again != first {
		t.Errorf("the same number, another digest: %v", err)
	}
	clear := `{"code":"10000","mobile":"19900000002"}`
	for name, payload := range map[string]string{"object": signedPhone(t, clear, clear), "string": signedPhone(t, quoted(clear), clear)} {
		if p, err := signing.OpenPhone(keyring, nil, []byte(payload)); err != nil || p.Mobile != "19900000002" {
			t.Errorf("not encrypted, %s: %+v %v", name, p, err)
		}
	}
}

// Faults of the simulator and forgeries return ErrPhone and a zero Phone.
func TestOpenPhoneRefusals(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	sim := newSim(t, alipaysim.Config{})
	good := phone(t, sim, "")
	encrypted := func(text string) string {
		s, err := signing.EncryptContent(contentKey, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return signedPhone(t, `"`+s+`"`, `"`+s+`"`)
	}
	cases := map[string]string{
		"nothing": "", "null": "null", "list": "[]", "empty": "{}", "half": good[:100], "two": good + good,
		"null response": `{"response":null,"sign":"x"}`, "not of blocks": `{"response":"QUFB","sign":"x"}`,
		"empty response": signedPhone(t, `""`, `""`), "number": signedPhone(t, "1", "1"),
		"response twice": strings.Replace(good, "{", `{"response":"x",`, 1), "sign a number": strings.Replace(good, `"sign":"`, `"sign":1,"x":"`, 1),
		"signed without quotes": encryptedWithoutQuotes(t),
		"sign_type RSA":         strings.Replace(good, `"RSA2"`, `"RSA"`, 1), "encrypt_type": strings.Replace(good, `"AES"`, `"SM4"`, 1),
		"signed words": encrypted("hello"), "signed list": encrypted("[]"), "no number": encrypted(`{"code":"10000"}`),
		"empty number": encrypted(`{"code":"10000","mobile":""}`), "number of words": encrypted(`{"code":"10000","mobile":"12 34"}`),
		"number twice":   encrypted(`{"code":"10000","mobile":"19900000001","mobile":"19900000002"}`),
		"number of JSON": encrypted(`{"code":"10000","mobile":19900000001}`), "success with subCode": encrypted(`{"code":"10000","subCode":"x","mobile":"19900000001"}`),
		"too long": good + strings.Repeat(" ", 16<<10), "too deep": `{"response":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	}
	for fault := range alipaysim.PhoneFaults() {
		cases[fault] = phone(t, sim, fault)
	}
	for name, payload := range cases {
		p, err := signing.OpenPhone(keyring, contentKey, []byte(payload))
		if !errors.Is(err, signing.ErrPhone) || p != (signing.Phone{}) {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

func encryptedWithoutQuotes(t testing.TB) string {
	t.Helper()
	s, err := signing.EncryptContent(contentKey, []byte(`{"code":"10000","mobile":"19900000001"}`))
	if err != nil {
		t.Fatal(err)
	}
	return signedPhone(t, `"`+s+`"`, s)
}

// All errors before a valid signature have the same text.
func TestOpenPhoneErrorsAreEqual(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	sign := alipaySigns(t, "something else")
	for last := range 256 {
		block := make([]byte, 16)
		block[15] = byte(last)
		text, err := signing.EncryptContent(contentKey, block[:15])
		if err != nil {
			t.Fatal(err)
		}
		_, err = signing.OpenPhone(keyring, contentKey, fmt.Appendf(nil, `{"response":"%s","sign":"%s"}`, text, sign))
		if err != signing.ErrPhone {
			t.Fatalf("%v", err)
		}
	}
}

// A signed refusal matches the error of its meaning.
func TestOpenPhoneMeaning(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	clear := func(code, subCode string) string {
		s := fmt.Sprintf(`{"code":"%s","msg":"x","subCode":"%s","subMsg":"canary"}`, code, subCode)
		return signedPhone(t, quoted(s), s)
	}
	for _, c := range []struct {
		payload string
		want    error
	}{
		{clear("40001", "isv.missing-encrypt-key"), signing.ErrConfiguration},
		{clear("40006", "isv.insufficient-isv-permissions"), signing.ErrConfiguration},
		{clear("40003", "isv.invalid-auth-relations"), signing.ErrTokenInvalid},
		{clear("20000", "aop.unknow-error"), signing.ErrUnavailable},
		{phone(t, newSim(t, alipaysim.Config{}), "refused"), signing.ErrTokenInvalid},
	} {
		_, err := signing.OpenPhone(keyring, contentKey, []byte(c.payload))
		if !errors.Is(err, signing.ErrPhone) || !errors.Is(err, c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
	good := phone(t, newSim(t, alipaysim.Config{}), "")
	for _, key := range [][]byte{nil, []byte("another key....."), make([]byte, 32)} {
		if _, err := signing.OpenPhone(keyring, key, []byte(good)); !errors.Is(err, signing.ErrConfiguration) || !errors.Is(err, signing.ErrPhone) {
			t.Errorf("content key %q: %v", key, err)
		}
	}
}

// Inverting a bit of a genuine payload makes it rejected or does not change the result.
func TestPhoneMutations(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	payload := []byte(phone(t, newSim(t, alipaysim.Config{}), ""))
	genuine, err := signing.OpenPhone(keyring, contentKey, payload)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for what, forged := range flips(payload) {
		got, err := signing.OpenPhone(keyring, contentKey, forged)
		switch {
		case err != nil && got == signing.Phone{}:
			refused++
		case err != nil || got != genuine:
			t.Errorf("%s: %v %+v", what, err, got)
		}
	}
	if refused < len(payload) {
		t.Errorf("%d rejected of %d", refused, 8*len(payload))
	}
}
