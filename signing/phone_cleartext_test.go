package signing_test

import (
	"errors"
	"strings"
	"testing"

	"fundpass/signing"
)

// With a content key a number that is not encrypted is rejected, even if it is signed. A
// refusal, which Alipay does not encrypt, keeps its meaning.
func TestPhoneInTheClear(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	number, refusal := `{"code":"10000","mobile":"19900000002"}`, `{"code":"40003","subCode":"isv.invalid-auth-relations"}`
	for name, payload := range map[string]string{
		"object": signedPhone(t, number, number), "string": signedPhone(t, quoted(number), number),
		"labelled as encrypted": strings.Replace(signedPhone(t, number, number), "{", `{"encrypt_type":"AES",`, 1),
	} {
		p, err := signing.OpenPhone(keyring, contentKey, []byte(payload))
		if !errors.Is(err, signing.ErrPhone) || !errors.Is(err, signing.ErrConfiguration) || p != (signing.Phone{}) || strings.Contains(err.Error(), "199") {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
	if _, err := signing.OpenPhone(keyring, contentKey, []byte(signedPhone(t, refusal, refusal))); !errors.Is(err, signing.ErrTokenInvalid) {
		t.Errorf("a refusal: %v", err)
	}
}
