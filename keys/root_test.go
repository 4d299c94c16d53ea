package keys

import (
	"bytes"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
)

// A truncated, changed or wrong certificate at any position of a root file is an error; if
// it was skipped, alipay_root_cert_sn would change.
func TestCorruptRoots(t *testing.T) {
	t.Parallel()
	first, second, elliptic := newRoot("Root One", rootKey()), newRoot("Root Two", issuerKey()), newRoot("Root EC", ecKey())
	for _, root := range [][]byte{second.Raw, elliptic.Raw, sm2Root()} {
		for _, length := range []int{0, 1, 3, 4, 40, len(root) / 2, len(root) - 1} {
			for place, file := range map[string]string{"first": crt(root[:length], first.Raw), "last": crt(first.Raw, root[:length])} {
				if _, err := parseRoots([]byte(file)); !errors.Is(err, ErrFormat) {
					t.Errorf("%d of %d bytes, %s: %v", length, len(root), place, err)
				}
			}
		}
		if _, err := parseRoots([]byte(crt(first.Raw, append(bytes.Clone(root), 0)))); !errors.Is(err, ErrFormat) {
			t.Errorf("a byte too many: %v", err)
		}
	}
	for at := range second.Raw {
		changed := bytes.Clone(second.Raw)
		changed[at] ^= 1
		if roots, err := parseRoots([]byte(crt(first.Raw, changed))); err == nil {
			t.Fatalf("byte %d of %d changed: read as %s", at, len(changed), roots.sn)
		}
	}
}

func TestMissingPEMLines(t *testing.T) {
	t.Parallel()
	first, second := newRoot("Root One", rootKey()), newRoot("Root Two", issuerKey())
	whole := crt(first.Raw, second.Raw)
	for _, line := range []string{"-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"} {
		last := strings.LastIndex(whole, line)
		for name, file := range map[string]string{"first": strings.Replace(whole, line, "", 1), "last": whole[:last] + whole[last+len(line):]} {
			if roots, err := parseRoots([]byte(file)); err == nil {
				t.Errorf("%s %q lost: read as %s", name, strings.TrimSpace(line), roots.sn)
			}
		}
	}
}

// A root is a self-signed certificate authority.
func TestNotRoot(t *testing.T) {
	t.Parallel()
	root := newRoot("Root One", rootKey())
	own := func(ca bool) []byte {
		tmpl := *root
		tmpl.IsCA, tmpl.BasicConstraintsValid = ca, ca
		return must(x509.CreateCertificate(nil, &tmpl, &tmpl, rootKey().Public(), rootKey()))
	}
	if _, err := parseRoots([]byte(crt(own(true)))); err != nil {
		t.Fatal(err)
	}
	for name, der := range map[string][]byte{
		"a leaf":                        leaf(certSpec{subject: aliSubject, key: &alipayKey1().PublicKey}).Raw,
		"an application's certificate":  leaf(certSpec{subject: appSubject, key: &ownKey().PublicKey}).Raw,
		"an intermediate":               testCA().issuer.Raw,
		"self-issued, but no authority": own(false),
	} {
		for place, file := range map[string]string{"alone": crt(der), "beside a root": crt(root.Raw, der)} {
			_, err := parseRoots([]byte(file))
			if !errors.Is(err, ErrWrongKind) || !strings.Contains(err.Error(), "alipayRootCert.crt") {
				t.Errorf("%s, %s: %v", name, place, err)
			}
		}
	}
	tmpl := *root
	named := must(x509.CreateCertificate(nil, &tmpl, root, &issuerKey().PublicKey, rootKey()))
	if _, err := parseRoots([]byte(crt(named))); !errors.Is(err, ErrFormat) {
		t.Errorf("of a root's name, signed with another key than its own: %v", err)
	}
}
