package main

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"fundpass/cmd/internal/settings"
	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// An offer is a certificate that the environment's Alipay has for download.
type offer struct {
	name   string // of the subject
	end    time.Time
	public *rsa.PublicKey
	other  bool // issued under another root
}

// offerCert makes certificate mode complete, lets the gateway give offer under the
// serial number it returns, and returns the settings.
func (s *serverEnv) offerCert(o offer) (values, string) {
	s.t.Helper()
	env := s.certify(time.Now().AddDate(1, 0, 0))
	rootBlock, _ := pem.Decode(s.read("root.crt"))
	root, err := x509.ParseCertificate(rootBlock.Bytes)
	noError(s.t, err)
	rootKey := testKeys().alipay[1]
	if o.other {
		rootKey = testKeys().alipay[0]
		root = leafOf("another root", 1, root.NotAfter)
		root.IsCA, root.BasicConstraintsValid, root.PublicKey = true, true, &rootKey.PublicKey
	}
	template := leafOf(o.name, 77, o.end)
	template.NotBefore = time.Now().AddDate(0, -1, 0)
	text := s.issue(certRequest{template, root, o.public, rootKey}) + s.issue(certRequest{root, root, &rootKey.PublicKey, rootKey})
	block, _ := pem.Decode([]byte(text))
	cert, err := x509.ParseCertificate(block.Bytes)
	noError(s.t, err)
	sn, err := keys.CertSN(cert)
	noError(s.t, err)
	s.serveCertificates(env, sn, text)
	return env, sn
}

// serveCertificates makes the gateway sign with a certificate that is not configured.
func (s *serverEnv) serveCertificates(env values, sn, text string) {
	s.t.Helper()
	_, keyring, err := settings.ReadKeyring(getenvOf(s.env(env)))
	noError(s.t, err)
	app := keyring.Signer().Public().(*rsa.PublicKey)
	s.sim, err = alipaysim.New(alipaysim.Config{AppID: testAppID, AppKey: app, Key: testKeys().alipay[1],
		Certificates: &alipaysim.Certificates{App: keyring.AppCertSN(), Root: keyring.RootCertSN(), Alipay: sn,
			PEM: map[string][]byte{sn: []byte(text), strings.Repeat("0", 32): []byte(text)}}})
	noError(s.t, err)
	s.alipay.Store(s.sim)
}

const alipaySubject = "支付宝(中国)网络技术有限公司-" + sitePartner

func TestFetchCert(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	next := &testKeys().alipay[1].PublicKey
	env, sn := s.offerCert(offer{name: alipaySubject, end: time.Now().AddDate(3, 0, 0), public: next})
	path := s.path("candidate.crt")
	got := runWith(t, s.env(env), "keys", "fetch-cert", strings.ToUpper(sn), "--out", path)
	noError(t, got.err)
	for _, want := range []string{path, sn, "CN=" + alipaySubject, "CN=invented root", time.Now().UTC().AddDate(3, 0, 0).Format(time.DateOnly), "FUNDPASS_ALIPAY_KEY_FILES"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("does not say %s:\n%s", want, got.out)
		}
	}
	info, err := os.Stat(path)
	noError(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	// The server trusts it once it is configured beside the old one.
	env["FUNDPASS_ALIPAY_KEY_FILES"] += "," + path
	_, keyring, err := settings.ReadKeyring(getenvOf(s.env(env)))
	noError(t, err)
	if key, err := keyring.AlipayKey(sn); err != nil || !key.Public.Equal(next) {
		t.Errorf("%v", err)
	}
	before := s.read("candidate.crt")
	calls := s.sim.Calls("")
	if got := runWith(t, s.env(env), "keys", "fetch-cert", sn, "--out", path); !errors.Is(got.err, errKeysExist) {
		t.Errorf("again: %v", got.err)
	}
	if !bytes.Equal(before, s.read("candidate.crt")) || s.sim.Calls("") != calls {
		t.Error("overwritten, or asked for nothing")
	}
}

func TestFetchCertRefused(t *testing.T) {
	t.Parallel()
	next, year := &testKeys().alipay[1].PublicKey, time.Now().AddDate(1, 0, 0)
	good := offer{name: alipaySubject, end: year, public: next}
	asked := func(sn string) func(string) string { return func(string) string { return sn } }
	for _, c := range []struct {
		name   string
		offer  offer
		sn     func(string) string // nil = the one offered
		change values
		want   error  // nil = any
		text   string // in the error
	}{
		{"another serial number", good, asked(strings.Repeat("0", 32)), nil, keys.ErrMismatch, "nothing written"},
		{"unknown", good, asked(strings.Repeat("a", 32)), nil, signing.ErrConfiguration, "CERT_NOT_EXIST"},
		{"no serial number", good, asked("latest"), nil, signing.ErrSerial, ""},
		{"another root", offer{alipaySubject, year, next, true}, nil, nil, keys.ErrUntrusted, "root"},
		{"an application's", offer{sitePartner + "-" + testAppID, year, next, false}, nil, nil, keys.ErrUntrusted, "subject"},
		{"another merchant's", offer{alipaySubject[:len(alipaySubject)-1] + "9", year, next, false}, nil, nil, keys.ErrMismatch, "merchant"},
		{"expired", offer{alipaySubject, time.Now().Add(-time.Minute), next, false}, nil, nil, keys.ErrValidity, "expired"},
		{"public-key mode", good, nil, values{"FUNDPASS_APP_CERT_FILE": "", "FUNDPASS_ALIPAY_ROOT_CERT_FILE": "", "FUNDPASS_ALIPAY_KEY_FILES": "alipay_public_key.txt"}, nil, "public-key mode"},
		{"nothing set", good, nil, values{"FUNDPASS_APP_ID": "", "FUNDPASS_APP_KEY_FILE": ""}, nil, "FUNDPASS_APP_ID: is not set"},
		{"gateway without TLS", good, nil, values{"FUNDPASS_GATEWAY_URL": "http://alipay.example.com/"}, nil, "FUNDPASS_GATEWAY_URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newBareServerEnv(t)
			env, sn := s.offerCert(c.offer)
			if c.sn != nil {
				sn = c.sn(sn)
			}
			if name := c.change["FUNDPASS_ALIPAY_KEY_FILES"]; name != "" {
				c.change["FUNDPASS_ALIPAY_KEY_FILES"] = s.path(name)
			}
			got := runWith(t, s.env(env, c.change), "keys", "fetch-cert", sn, "--out", s.path("candidate.crt"))
			if got.err == nil || c.want != nil && !errors.Is(got.err, c.want) || !strings.Contains(got.err.Error(), c.text) {
				t.Errorf("got %v, want %v, %q", got.err, c.want, c.text)
			}
			if _, err := os.Lstat(s.path("candidate.crt")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("written all the same: %v", err)
			}
		})
	}
}

// The certificate of the application's own key is not Alipay's, whatever its name.
func TestFetchCertOwnKey(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	app, err := keys.ParsePrivateKey(s.read("app_private_key.pem"))
	noError(t, err)
	env, sn := s.offerCert(offer{name: alipaySubject, end: time.Now().AddDate(1, 0, 0), public: &app.PublicKey})
	got := runWith(t, s.env(env), "keys", "fetch-cert", sn, "--out", s.path("candidate.crt"))
	if !errors.Is(got.err, keys.ErrOwnKey) {
		t.Errorf("got %v", got.err)
	}
}

// What Alipay's stand-in spoils is not written.
func TestFetchCertFaults(t *testing.T) {
	t.Parallel()
	s := newBareServerEnv(t)
	env, sn := s.offerCert(offer{name: alipaySubject, end: time.Now().AddDate(1, 0, 0), public: &testKeys().alipay[1].PublicKey})
	for _, fault := range []string{"error", "html", "html_502", "redirect", "null_body", "other_root", "duplicate_root", "huge", "truncated"} {
		noError(t, s.sim.Fault(fault, 1))
		got := runWith(t, s.env(env), "keys", "fetch-cert", sn, "--out", s.path("candidate.crt"))
		if !errors.Is(got.err, signing.ErrUnavailable) {
			t.Errorf("%s: %v", fault, got.err)
		}
	}
	if _, err := os.Lstat(s.path("candidate.crt")); err == nil {
		t.Error("written all the same")
	}
}
