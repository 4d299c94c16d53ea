package signing_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// downloadFixture serves texts that are no certificates; keys.CheckAlipayCert checks them.
func downloadFixture(t *testing.T, alipaySN string) fixture {
	t.Helper()
	keyring := certKeyring(t)
	s := newFixture(t, signing.Options{}, alipaysim.Config{Certificates: &alipaysim.Certificates{
		App: keyring.AppCertSN(), Root: keyring.RootCertSN(), Alipay: alipaySN,
		PEM: map[string][]byte{nextSN: []byte("any bytes \x00"), currentSN: {}},
	}})
	if err := s.gate.Replace(keyring); err != nil {
		t.Fatal(err)
	}
	return s
}

// The response may be signed with a key of the keyring or with the requested certificate.
func TestDownloadCertificate(t *testing.T) {
	t.Parallel()
	for _, sn := range []string{currentSN, strings.Repeat("e", 32)} {
		s := downloadFixture(t, sn)
		got, err := s.gate.DownloadCertificate(t.Context(), nextSN)
		if err != nil || !bytes.Equal(got, []byte("any bytes \x00")) {
			t.Errorf("%s: %q, %v", sn, got, err)
		}
		if n := s.sim.Calls(""); n != 1 {
			t.Errorf("%s: %d calls", sn, n)
		}
	}
}

func TestDownloadCertificateRefused(t *testing.T) {
	t.Parallel()
	known, unknown := downloadFixture(t, currentSN), downloadFixture(t, strings.Repeat("e", 32))
	for _, c := range []struct {
		name, fault, sn string
		fixture         fixture
		want            error
	}{
		{"none of that number", "", strings.Repeat("b", 32), unknown, signing.ErrConfiguration},
		{"nothing in it", "", currentSN, unknown, signing.ErrUnavailable},
		{"known key, wrong signature", "bad_signature", nextSN, known, signing.ErrForged},
		{"known key, another's signature", "other_app", nextSN, known, signing.ErrForged},
		{"busy", "error", nextSN, unknown, signing.ErrUnavailable},
		{"busy in GBK", "gbk_error", nextSN, unknown, signing.ErrUnavailable},
		{"null", "null_body", nextSN, unknown, signing.ErrForged},
		{"another content", "other_root", nextSN, unknown, signing.ErrForged},
		{"two contents", "duplicate_root", nextSN, unknown, signing.ErrForged},
		{"redirect", "redirect", nextSN, unknown, signing.ErrUnavailable},
		{"HTML", "html", nextSN, unknown, signing.ErrUnavailable},
		{"too large", "huge", nextSN, unknown, signing.ErrUnavailable},
		{"not a number", "", "../../etc/passwd", unknown, signing.ErrSerial},
		{"capitals", "", strings.ToUpper(nextSN), unknown, signing.ErrSerial},
		{"empty", "", "", unknown, signing.ErrSerial},
	} { // not parallel: a fault affects the next call
		t.Run(c.name, func(t *testing.T) {
			if err := c.fixture.sim.Fault(c.fault, 1); err != nil {
				t.Fatal(err)
			}
			got, err := c.fixture.gate.DownloadCertificate(t.Context(), c.sn)
			if !errors.Is(err, c.want) || got != nil {
				t.Errorf("got %q, %v, want %v", got, err, c.want)
			}
		})
	}
}

// A downloaded certificate is not trusted: a response that it signs is ErrForged.
func TestDownloadedCertificateIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := downloadFixture(t, strings.Repeat("e", 32))
	if _, err := s.gate.DownloadCertificate(t.Context(), nextSN); err != nil {
		t.Fatal(err)
	}
	if _, err := s.gate.Exchange(t.Context(), s.code(t, "ok")); !errors.Is(err, signing.ErrForged) {
		t.Errorf("got %v", err)
	}
}
