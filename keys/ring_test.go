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

func TestNewRing(t *testing.T) {
	t.Parallel()
	given := []AlipayKey{bare(alipayKey1(), "a.pem"), bare(alipayKey2(), "b.pem")}
	ring, err := NewRing(testAppID, ownKey(), given)
	if err != nil {
		t.Fatal(err)
	}
	if ring.AppID() != testAppID || ring.Signer() != crypto.Signer(ownKey()) {
		t.Error("the application's half came out changed")
	}
	if ring.AppCertSN() != "" || ring.RootCertSN() != "" || !ring.AppCertNotAfter().IsZero() {
		t.Error("a certificate in public-key mode")
	}
	given[0] = AlipayKey{} // the caller's slice is not the Ring's
	ring.AlipayKeys()[1] = AlipayKey{}
	want := []string{"a.pem", "b.pem"}
	var got []string
	for _, key := range ring.AlipayKeys() {
		got = append(got, key.Source)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestAlipayKey(t *testing.T) {
	t.Parallel()
	withSN := func(sn string, key AlipayKey) AlipayKey { key.SN = sn; return key }
	certs := must(NewRing(testAppID, ownKey(), []AlipayKey{
		withSN("0a", bare(alipayKey1(), "a.crt")), withSN("0b", bare(alipayKey2(), "b.crt")),
		withSN("0c", bare(alipayKey1(), "renewed.crt")), // a renewed certificate may keep its key
	}))
	bareKeys := must(NewRing(testAppID, ownKey(), []AlipayKey{bare(alipayKey1(), "a.pem"), bare(alipayKey2(), "b.pem")}))
	tests := []struct {
		name, sn, source string
		ring             *Ring
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
			key, err := tt.ring.AlipayKey(tt.sn)
			if (tt.source == "") != errors.Is(err, ErrUnknownSN) {
				t.Errorf("error %v", err)
			}
			if key.Source != tt.source {
				t.Errorf("key of %q, want %q", key.Source, tt.source)
			}
		})
	}
}

func TestNewRingRefuses(t *testing.T) {
	t.Parallel()
	good := []AlipayKey{bare(alipayKey1(), "a.pem")}
	serial := AlipayKey{SN: "0a", Public: &alipayKey1().PublicKey, Source: "a.crt"}
	sameSerial := AlipayKey{SN: "0a", Public: &alipayKey2().PublicKey, Source: "b.crt"}
	tests := []struct {
		name   string
		appID  string
		signer crypto.Signer
		alipay []AlipayKey
		want   error
		says   string
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
			ring, err := NewRing(tt.appID, tt.signer, tt.alipay)
			if ring != nil {
				t.Fatal("an error came with a ring")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %q, want %q saying %q", err, tt.want, tt.says)
			}
		})
	}
}

func TestNewRingReportsAll(t *testing.T) {
	t.Parallel()
	_, err := NewRing("", weakKey(), []AlipayKey{bare(weakKey(), "a.pem"), {Source: "b.pem"}})
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("%d problems, want 4:\n%v", got, err)
	}
}

// A Ring that reaches a log by mistake shows no number of the private key.
func TestRingPrintsNoKey(t *testing.T) {
	t.Parallel()
	ring := must(NewRing(testAppID, ownKey(), []AlipayKey{bare(alipayKey1(), "a.pem")}))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		text := fmt.Sprintf(verb, ring)
		for _, secret := range []string{ownKey().D.String(), ownKey().D.Text(16), ownKey().Primes[0].String()} {
			if strings.Contains(text, secret[:20]) {
				t.Errorf("%s prints the private key", verb)
			}
		}
	}
}
