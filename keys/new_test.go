package keys

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Every format of an AppKey parses to the same key.
func TestNewAppKey(t *testing.T) {
	t.Parallel()
	key := must(NewAppKey())
	if got := key.Private().N.BitLen(); got != 2048 {
		t.Errorf("%d bits", got)
	}
	for form, text := range map[string]string{"pkcs8": key.PKCS8(), "pkcs1": key.PKCS1(), "pem": string(key.PEM())} {
		got, err := ParsePrivateKey([]byte(text))
		if err != nil || !got.Equal(key.Private()) {
			t.Errorf("%s does not parse: %v", form, err)
		}
	}
	for form, text := range map[string]string{"public": key.Public(), "public pem": string(key.PublicPEM())} {
		got, err := ParsePublicKey([]byte(text))
		if err != nil || !got.Equal(&key.Private().PublicKey) {
			t.Errorf("%s does not parse: %v", form, err)
		}
	}
	for form, text := range map[string]string{"pkcs8": key.PKCS8(), "pkcs1": key.PKCS1(), "public": key.Public()} {
		if strings.ContainsAny(text, "-\r\n ") {
			t.Errorf("%s is not one line of base64", form)
		}
	}
	if key.PKCS8() == key.PKCS1() {
		t.Error("PKCS1 and PKCS8 are equal")
	}
}

func TestAppKeyPrintsNothing(t *testing.T) {
	t.Parallel()
	key := must(NewAppKey())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		if got := fmt.Sprintf(verb, key); got != "keys.AppKey" {
			t.Errorf("%s prints %.40s", verb, got)
		}
	}
	if got := string(must(json.Marshal(key))); got != "{}" { //nolint:staticcheck // that nothing is marshalled is what is tested
		t.Errorf("JSON is %.40s", got)
	}
}

func TestNewCSR(t *testing.T) {
	t.Parallel()
	const company = "某市住房公积金管理中心"
	block, rest := pem.Decode(must(NewCSR(ownKey(), " "+company+"\n", testAppID)))
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(bytes.TrimSpace(rest)) > 0 {
		t.Fatal("not one PEM request")
	}
	req := must(x509.ParseCertificateRequest(block.Bytes))
	if err := req.CheckSignature(); err != nil {
		t.Error(err)
	}
	if got := req.Subject.Organization; len(got) != 1 || got[0] != company {
		t.Errorf("organisation %q", got)
	}
	if req.Subject.CommonName != testAppID || req.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("common name %q, algorithm %v", req.Subject.CommonName, req.SignatureAlgorithm)
	}
	if pub, ok := req.PublicKey.(*rsa.PublicKey); !ok || !pub.Equal(&ownKey().PublicKey) {
		t.Error("another key")
	}
}

func TestNewCSRRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, company, appID string
		key                  crypto.Signer
		want                 error
	}{
		{"no company", " ", testAppID, ownKey(), ErrIncomplete},
		{"no application", "Fund Tests", "", ownKey(), ErrIncomplete},
		{"blank in application", "Fund Tests", "2021 ", ownKey(), ErrFormat},
		{"elliptic", "Fund Tests", testAppID, ecKey(), ErrWrongKind},
		{"weak", "Fund Tests", testAppID, weakKey(), ErrWeak},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NewCSR(tt.key, tt.company, tt.appID)
			if got != nil || !errors.Is(err, tt.want) {
				t.Errorf("%d bytes, %v; want %v", len(got), err, tt.want)
			}
		})
	}
	_, err := NewCSR(failingSigner{ownKey()}, "Fund Tests", testAppID)
	if err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("a signer that fails: %v", err)
	}
}

// Two new key files have no key in common.
func TestNewKeyFilesDiffer(t *testing.T) {
	t.Parallel()
	a, b := newColumnCipher(t), newColumnCipher(t)
	sealed := must(a.Seal([]byte("x"), nil))
	refuses(t, b, sealed, nil)
	if bytes.Equal(a.Index("p"), b.Index("p")) {
		t.Error("two new column key files share an index key")
	}
	p, q := must(ParsePepper(must(NewPepperKey()))), must(ParsePepper(must(NewPepperKey())))
	if bytes.Equal(must(p.Tag(p.Current(), nil)), must(q.Tag(q.Current(), nil))) {
		t.Error("two new peppers share a key")
	}
}
