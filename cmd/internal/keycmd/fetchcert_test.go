package keycmd

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

	"fundpass/cmd/internal/cmdtest"
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

// offerCert completes certificate mode, makes the gateway serve a certificate, and
// returns the settings and the serial number.
func offerCert(s *cmdtest.ServerEnv, o offer) (cmdtest.Values, string) {
	s.T.Helper()
	env := s.Certify(time.Now().AddDate(1, 0, 0))
	rootBlock, _ := pem.Decode(s.Read("root.crt"))
	root, err := x509.ParseCertificate(rootBlock.Bytes)
	cmdtest.NoError(s.T, err)
	rootKey := cmdtest.TestKeys().Alipay[1]
	if o.other {
		rootKey = cmdtest.TestKeys().Alipay[0]
		root = cmdtest.LeafOf("another root", 1, root.NotAfter)
		root.IsCA, root.BasicConstraintsValid, root.PublicKey = true, true, &rootKey.PublicKey
	}
	template := cmdtest.LeafOf(o.name, 77, o.end)
	template.NotBefore = time.Now().AddDate(0, -1, 0)
	text := s.Issue(cmdtest.CertRequest{Template: template, Parent: root, Public: o.public, Signer: rootKey}) + s.Issue(cmdtest.CertRequest{Template: root, Parent: root, Public: &rootKey.PublicKey, Signer: rootKey})
	block, _ := pem.Decode([]byte(text))
	cert, err := x509.ParseCertificate(block.Bytes)
	cmdtest.NoError(s.T, err)
	sn, err := keys.CertSN(cert)
	cmdtest.NoError(s.T, err)
	serveCertificates(s, env, sn, text)
	return env, sn
}

// serveCertificates makes the gateway sign with a certificate that is not configured.
func serveCertificates(s *cmdtest.ServerEnv, env cmdtest.Values, sn, text string) {
	s.T.Helper()
	_, keyring, err := settings.ReadKeyring(cmdtest.GetenvOf(s.Env(env)))
	cmdtest.NoError(s.T, err)
	app := keyring.Signer().Public().(*rsa.PublicKey)
	s.Sim, err = alipaysim.New(alipaysim.Config{AppID: cmdtest.TestAppID, AppKey: app, Key: cmdtest.TestKeys().Alipay[1],
		Certificates: &alipaysim.Certificates{App: keyring.AppCertSN(), Root: keyring.RootCertSN(), Alipay: sn,
			PEM: map[string][]byte{sn: []byte(text), strings.Repeat("0", 32): []byte(text)}}})
	cmdtest.NoError(s.T, err)
	s.Alipay.Store(s.Sim)
}

const alipaySubject = "支付宝(中国)网络技术有限公司-" + cmdtest.TestPartner

func TestFetchCert(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	next := &cmdtest.TestKeys().Alipay[1].PublicKey
	env, sn := offerCert(s, offer{name: alipaySubject, end: time.Now().AddDate(3, 0, 0), public: next})
	path := s.Path("candidate.crt")
	got := cmdtest.Run(t, s.Env(env), "keys", "fetch-cert", strings.ToUpper(sn), "--out", path)
	cmdtest.NoError(t, got.Err)
	for _, want := range []string{path, sn, "CN=" + alipaySubject, "CN=invented root", time.Now().UTC().AddDate(3, 0, 0).Format(time.DateOnly), "FUNDPASS_ALIPAY_KEY_FILES"} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("does not say %s:\n%s", want, got.Out)
		}
	}
	info, err := os.Stat(path)
	cmdtest.NoError(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	// The server trusts the certificate once it is configured beside the old one.
	env["FUNDPASS_ALIPAY_KEY_FILES"] += "," + path
	_, keyring, err := settings.ReadKeyring(cmdtest.GetenvOf(s.Env(env)))
	cmdtest.NoError(t, err)
	if key, err := keyring.AlipayKey(sn); err != nil || !key.Public.Equal(next) {
		t.Errorf("%v", err)
	}
	before := s.Read("candidate.crt")
	calls := s.Sim.Calls("")
	if got := cmdtest.Run(t, s.Env(env), "keys", "fetch-cert", sn, "--out", path); !errors.Is(got.Err, errKeysExist) {
		t.Errorf("again: %v", got.Err)
	}
	if !bytes.Equal(before, s.Read("candidate.crt")) || s.Sim.Calls("") != calls {
		t.Error("the file was overwritten, or the gateway was called")
	}
}

func TestFetchCertRefused(t *testing.T) {
	t.Parallel()
	next, year := &cmdtest.TestKeys().Alipay[1].PublicKey, time.Now().AddDate(1, 0, 0)
	good := offer{name: alipaySubject, end: year, public: next}
	always := func(sn string) func(string) string { return func(string) string { return sn } }
	for _, c := range []struct {
		name   string
		offer  offer
		sn     func(string) string // nil = the one offered
		change cmdtest.Values
		want   error  // nil = any
		text   string // in the error
	}{
		{"another serial number", good, always(strings.Repeat("0", 32)), nil, keys.ErrMismatch, "nothing written"},
		{"unknown", good, always(strings.Repeat("a", 32)), nil, signing.ErrConfiguration, "CERT_NOT_EXIST"},
		{"no serial number", good, always("latest"), nil, signing.ErrSerial, ""},
		{"another root", offer{alipaySubject, year, next, true}, nil, nil, keys.ErrUntrusted, "root"},
		{"an application's", offer{cmdtest.TestPartner + "-" + cmdtest.TestAppID, year, next, false}, nil, nil, keys.ErrUntrusted, "subject"},
		{"another merchant's", offer{alipaySubject[:len(alipaySubject)-1] + "9", year, next, false}, nil, nil, keys.ErrMismatch, "merchant"},
		{"expired", offer{alipaySubject, time.Now().Add(-time.Minute), next, false}, nil, nil, keys.ErrValidity, "expired"},
		{"public-key mode", good, nil, cmdtest.Values{"FUNDPASS_APP_CERT_FILE": "", "FUNDPASS_ALIPAY_ROOT_CERT_FILE": "", "FUNDPASS_ALIPAY_KEY_FILES": "alipay_public_key.txt"}, nil, "public-key mode"},
		{"nothing set", good, nil, cmdtest.Values{"FUNDPASS_APP_ID": "", "FUNDPASS_APP_KEY_FILE": ""}, nil, "FUNDPASS_APP_ID: is not set"},
		{"gateway without TLS", good, nil, cmdtest.Values{"FUNDPASS_GATEWAY_URL": "http://alipay.example.com/"}, nil, "FUNDPASS_GATEWAY_URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := cmdtest.NewBareEnv(t)
			env, sn := offerCert(s, c.offer)
			if c.sn != nil {
				sn = c.sn(sn)
			}
			if name := c.change["FUNDPASS_ALIPAY_KEY_FILES"]; name != "" {
				c.change["FUNDPASS_ALIPAY_KEY_FILES"] = s.Path(name)
			}
			got := cmdtest.Run(t, s.Env(env, c.change), "keys", "fetch-cert", sn, "--out", s.Path("candidate.crt"))
			if got.Err == nil || c.want != nil && !errors.Is(got.Err, c.want) || !strings.Contains(got.Err.Error(), c.text) {
				t.Errorf("got %v, want %v, %q", got.Err, c.want, c.text)
			}
			if _, err := os.Lstat(s.Path("candidate.crt")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was written: %v", err)
			}
		})
	}
}

// TestFetchCertOwnKey checks that a certificate of the application's own key is refused,
// whatever its subject.
func TestFetchCertOwnKey(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	app, err := keys.ParsePrivateKey(s.Read("app_private_key.pem"))
	cmdtest.NoError(t, err)
	env, sn := offerCert(s, offer{name: alipaySubject, end: time.Now().AddDate(1, 0, 0), public: &app.PublicKey})
	got := cmdtest.Run(t, s.Env(env), "keys", "fetch-cert", sn, "--out", s.Path("candidate.crt"))
	if !errors.Is(got.Err, keys.ErrOwnKey) {
		t.Errorf("got %v", got.Err)
	}
}

// TestFetchCertFaults checks that nothing is written if the simulator's reply is faulty.
func TestFetchCertFaults(t *testing.T) {
	t.Parallel()
	s := cmdtest.NewBareEnv(t)
	env, sn := offerCert(s, offer{name: alipaySubject, end: time.Now().AddDate(1, 0, 0), public: &cmdtest.TestKeys().Alipay[1].PublicKey})
	for _, fault := range []string{"error", "html", "html_502", "redirect", "null_body", "other_root", "duplicate_root", "huge", "truncated"} {
		cmdtest.NoError(t, s.Sim.Fault(fault, 1))
		got := cmdtest.Run(t, s.Env(env), "keys", "fetch-cert", sn, "--out", s.Path("candidate.crt"))
		if !errors.Is(got.Err, signing.ErrUnavailable) {
			t.Errorf("%s: %v", fault, got.Err)
		}
	}
	if _, err := os.Lstat(s.Path("candidate.crt")); err == nil {
		t.Error("a file was written")
	}
}
