package keys

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func bare(key *rsa.PrivateKey, source string) AlipayKey {
	return AlipayKey{Public: &key.PublicKey, Source: source}
}

func TestNewAlipayKeyring(t *testing.T) {
	t.Parallel()
	given := []AlipayKey{bare(alipayKey1(), "a.pem"), bare(alipayKey2(), "b.pem")}
	keyring, err := NewAlipayKeyring(testAppID, ownKey(), given)
	if err != nil {
		t.Fatal(err)
	}
	if keyring.AppID() != testAppID || keyring.Signer() != crypto.Signer(ownKey()) {
		t.Error("the application's key or id has changed")
	}
	if keyring.AppCertSN() != "" || keyring.RootCertSN() != "" || !keyring.AppCertNotAfter().IsZero() {
		t.Error("a certificate in public-key mode")
	}
	given[0] = AlipayKey{} // the AlipayKeyring has a copy
	keyring.AlipayKeys()[1] = AlipayKey{}
	want := []string{"a.pem", "b.pem"}
	var got []string
	for _, key := range keyring.AlipayKeys() {
		got = append(got, key.Source)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestAlipayKey(t *testing.T) {
	t.Parallel()
	withSN := func(sn string, key AlipayKey) AlipayKey { key.SN = sn; return key }
	certs := must(NewAlipayKeyring(testAppID, ownKey(), []AlipayKey{
		withSN("0a", bare(alipayKey1(), "a.crt")), withSN("0b", bare(alipayKey2(), "b.crt")),
		withSN("0c", bare(alipayKey1(), "renewed.crt")), // a renewed certificate may keep its key
	}))
	bareKeys := must(NewAlipayKeyring(testAppID, ownKey(), []AlipayKey{bare(alipayKey1(), "a.pem"), bare(alipayKey2(), "b.pem")}))
	tests := []struct {
		name, sn, source string
		keyring          *AlipayKeyring
	}{
		{"first", "0a", "a.crt", certs},
		{"second", "0b", "b.crt", certs},
		{"renewed", "0c", "renewed.crt", certs},
		{"unknown", "0d", "", certs},
		{"no serial in certificate mode", "", "", certs},
		{"other case", "0A", "", certs},
		{"public-key mode", "", "a.pem", bareKeys},
		{"serial in public-key mode", "0a", "", bareKeys},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := tt.keyring.AlipayKey(tt.sn)
			if (tt.source == "") != errors.Is(err, ErrUnknownSN) {
				t.Errorf("error %v", err)
			}
			if key.Source != tt.source {
				t.Errorf("key of %q, want %q", key.Source, tt.source)
			}
		})
	}
}

func TestNewAlipayKeyringRefuses(t *testing.T) {
	t.Parallel()
	good := []AlipayKey{bare(alipayKey1(), "a.pem")}
	serial := AlipayKey{SN: "0a", Public: &alipayKey1().PublicKey, Source: "a.crt"}
	sameSerial := AlipayKey{SN: "0a", Public: &alipayKey2().PublicKey, Source: "b.crt"}
	tests := []struct {
		name     string
		appID    string
		signer   crypto.Signer
		alipay   []AlipayKey
		want     error
		contains string
	}{
		{"no application id", "", ownKey(), good, ErrIncomplete, "application id"},
		{"blank in application id", "2021 1", ownKey(), good, ErrFormat, "application id"},
		{"full-width application id", "２０２１", ownKey(), good, ErrFormat, "application id"},
		{"no signer", testAppID, nil, good, ErrIncomplete, "private key"},
		{"elliptic signer", testAppID, ecKey(), good, ErrWrongKind, "not RSA"},
		{"weak signer", testAppID, weakKey(), good, ErrWeak, "1024"},
		{"signer of another key", testAppID, brokenSigner{ownKey(), &alipayKey2().PublicKey}, good, ErrUnproven, ""},
		{"signer away", testAppID, failingSigner{ownKey()}, good, ErrUnproven, "no route"},
		{"no Alipay key", testAppID, ownKey(), nil, ErrIncomplete, "at least one"},
		{"nil Alipay key", testAppID, ownKey(), []AlipayKey{{Source: "a.pem"}}, ErrIncomplete, "a.pem"},
		{"empty Alipay key", testAppID, ownKey(), []AlipayKey{{Public: new(rsa.PublicKey)}}, ErrFormat, "modulus"},
		{"weak Alipay key", testAppID, ownKey(), []AlipayKey{bare(weakKey(), "a.pem")}, ErrWeak, "a.pem"},
		{"own key", testAppID, ownKey(), []AlipayKey{bare(alipayKey1(), "a.pem"), bare(ownKey(), "mine.pem")}, ErrOwnKey, "mine.pem"},
		{"same key twice", testAppID, ownKey(), []AlipayKey{bare(alipayKey1(), "a.pem"), bare(alipayKey1(), "b.pem")}, ErrDuplicate, "number 1"},
		{"same serial twice", testAppID, ownKey(), []AlipayKey{serial, sameSerial}, ErrDuplicate, "b.crt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keyring, err := NewAlipayKeyring(tt.appID, tt.signer, tt.alipay)
			if keyring != nil {
				t.Fatal("a keyring was returned with an error")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.contains) {
				t.Fatalf("error %q, want %q containing %q", err, tt.want, tt.contains)
			}
		})
	}
}

func TestNewAlipayKeyringReportsAll(t *testing.T) {
	t.Parallel()
	_, err := NewAlipayKeyring("", weakKey(), []AlipayKey{bare(weakKey(), "a.pem"), {Source: "b.pem"}})
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("%d problems, want 4:\n%v", got, err)
	}
}

// fmt prints no number of the private key of an AlipayKeyring.
func TestAlipayKeyringPrintsNoKey(t *testing.T) {
	t.Parallel()
	keyring := must(NewAlipayKeyring(testAppID, ownKey(), []AlipayKey{bare(alipayKey1(), "a.pem")}))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		text := fmt.Sprintf(verb, keyring)
		for _, secret := range []string{ownKey().D.String(), ownKey().D.Text(16), ownKey().Primes[0].String()} {
			if strings.Contains(text, secret[:20]) {
				t.Errorf("%s prints the private key", verb)
			}
		}
	}
}
