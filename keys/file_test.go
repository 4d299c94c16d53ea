package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// decorations are the changes that editors and copying make to a key file.
var decorations = map[string]func(string) string{
	"as is":         func(s string) string { return s },
	"bom":           func(s string) string { return "\ufeff" + s },
	"blank lines":   func(s string) string { return "\n\r\n" + s + "\n \n" },
	"bom and lines": func(s string) string { return "\ufeff\n" + s + "\n" },
	"indented":      func(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n\t ") + "  " },
	"crlf":          func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"cr":            func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
	"no last line":  func(s string) string { return strings.TrimRight(s, "\n") },
	"ideographic":   func(s string) string { return "\u3000" + s + "\u3000\n" },
}

func TestParsePrivateKeyForms(t *testing.T) {
	t.Parallel()
	key := ownKey()
	forms := map[string]string{
		"pem pkcs8":            pemText("PRIVATE KEY", pkcs8(key)),
		"pem pkcs1":            pemText("RSA PRIVATE KEY", pkcs1(key)),
		"pkcs8 in rsa armour":  pemText("RSA PRIVATE KEY", pkcs8(key)),
		"pkcs1 in armour of 8": pemText("PRIVATE KEY", pkcs1(key)),
		"one line pkcs8":       b64(pkcs8(key)),
		"one line pkcs1":       b64(pkcs1(key)),
		"wrapped pkcs8 lf":     wrapped(b64(pkcs8(key)), "\n"),
		"wrapped pkcs1 crlf":   wrapped(b64(pkcs1(key)), "\r\n"),
		"wrapped by blanks":    wrapped(b64(pkcs8(key)), " "),
		"armour, one line":     "-----BEGIN RSA PRIVATE KEY-----\n" + b64(pkcs1(key)) + "\n-----END RSA PRIVATE KEY-----\n",
		"openssl preamble":     "Bag Attributes\n    friendlyName: app\nKey Attributes: none\n" + pemText("PRIVATE KEY", pkcs8(key)),
	}
	for form, text := range forms {
		for how, decorate := range decorations {
			t.Run(form+"/"+how, func(t *testing.T) {
				got, err := ParsePrivateKey([]byte(decorate(text)))
				if err != nil {
					t.Fatal(err)
				}
				if !got.Equal(key) {
					t.Error("parsed another key")
				}
			})
		}
	}
}

func TestParsePublicKeyForms(t *testing.T) {
	t.Parallel()
	pub := &alipayKey1().PublicKey
	forms := map[string]string{
		"pem":      pemText("PUBLIC KEY", pkixDER(pub)),
		"pkcs1":    pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub)),
		"one line": b64(pkixDER(pub)),
		"wrapped":  wrapped(b64(pkixDER(pub)), "\r\n"),
	}
	for form, text := range forms {
		for how, decorate := range decorations {
			t.Run(form+"/"+how, func(t *testing.T) {
				got, err := ParsePublicKey([]byte(decorate(text)))
				if err != nil {
					t.Fatal(err)
				}
				if !got.Equal(pub) {
					t.Error("parsed another key")
				}
			})
		}
	}
}

// encryptedPEM returns a PEM block with the headers of a passphrase-protected key.
func encryptedPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{
		Type:    "RSA PRIVATE KEY",
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00112233445566778899AABBCCDDEEFF"},
		Bytes:   pkcs1(ownKey())[:512],
	}))
}

// encryptedPKCS8 returns an EncryptedPrivateKeyInfo (RFC 5958) with algorithm PBES2.
func encryptedPKCS8() []byte {
	return []byte{0x30, 0x15, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d,
		0x04, 0x06, 1, 2, 3, 4, 5, 6}
}

func utf16Text(s string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func TestParsePrivateKeyMistakes(t *testing.T) {
	t.Parallel()
	key, whole := ownKey(), pemText("PRIVATE KEY", pkcs8(ownKey()))
	line := b64(pkcs8(key))
	tests := []struct {
		name, text string
		want       error
		contains   string
	}{
		{"empty", "", ErrEmpty, ""},
		{"blanks", " \r\n\ufeff\n\t", ErrEmpty, "blanks"},
		{"public pem", pemText("PUBLIC KEY", pkixDER(&key.PublicKey)), ErrWrongKind, "a public key"},
		{"public base64", b64(pkixDER(&key.PublicKey)), ErrWrongKind, "a public key"},
		{"public in private armour", pemText("PRIVATE KEY", pkixDER(&key.PublicKey)), ErrWrongKind, "a public key"},
		{"certificate", crt(testCA().root.Raw), ErrWrongKind, "a certificate"},
		{"certificates", crt(testCA().issuer.Raw, testCA().root.Raw), ErrWrongKind, "a certificate"},
		{"request", string(must(NewCSR(key, "Fund Tests", testAppID))), ErrWrongKind, "CSR"},
		{"elliptic pkcs8", pemText("PRIVATE KEY", pkcs8(ecKey())), ErrWrongKind, "elliptic"},
		{"elliptic sec1", pemText("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey()))), ErrWrongKind, "elliptic"},
		{"encrypted pem", encryptedPEM(), ErrEncrypted, "-nocrypt"},
		{"encrypted pkcs8", pemText("ENCRYPTED PRIVATE KEY", encryptedPKCS8()), ErrEncrypted, "-nocrypt"},
		{"encrypted base64", b64(encryptedPKCS8()), ErrEncrypted, "-nocrypt"},
		{"weak", pemText("PRIVATE KEY", pkcs8(weakKey())), ErrWeak, "1024"},
		{"two keys", whole + pemText("PRIVATE KEY", pkcs8(alipayKey1())), ErrFormat, "2 PEM blocks"},
		{"no end line", whole[:len(whole)-30], ErrFormat, "END"},
		{"no begin line", whole[28:], ErrFormat, "BEGIN"},
		{"second block damaged", whole + "-----BEGIN PRIVATE KEY-----\n", ErrFormat, "damaged"},
		{"cut base64", line[:400], ErrFormat, "truncated"},
		{"stray letter", line[:100] + "!" + line[100:], ErrFormat, "neither PEM nor base64"},
		{"words", "the key is in the safe", ErrFormat, "neither PEM nor base64"},
		{"utf-16", utf16Text(line), ErrFormat, "UTF-8"},
		{"damaged number", corruptKey(), ErrFormat, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePrivateKey([]byte(tt.text))
			if got != nil {
				t.Fatal("a key was returned with an error")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.contains) {
				t.Fatalf("error %q, want %q containing %q", err, tt.want, tt.contains)
			}
			noSecret(t, err.Error(), tt.text)
		})
	}
}

// corruptKey returns a PKCS#1 key with one bit of a number inverted.
func corruptKey() string {
	der := bytes.Clone(pkcs1(ownKey()))
	der[len(der)/2] ^= 1
	return b64(der)
}

func TestParsePublicKeyMistakes(t *testing.T) {
	t.Parallel()
	even := rsa.PublicKey{N: ownKey().N, E: 65536}
	one := rsa.PublicKey{N: ownKey().N, E: 1}
	tests := []struct {
		name, text string
		want       error
		contains   string
	}{
		{"empty", "\n", ErrEmpty, ""},
		{"private", pemText("PRIVATE KEY", pkcs8(ownKey())), ErrWrongKind, "a private key"},
		{"certificate", crt(testCA().root.Raw), ErrWrongKind, "a certificate"},
		{"elliptic", pemText("PUBLIC KEY", pkixDER(&ecKey().PublicKey)), ErrWrongKind, "elliptic"},
		{"weak", b64(pkixDER(&weakKey().PublicKey)), ErrWeak, "1024"},
		{"exponent 1", b64(pkixDER(&one)), ErrFormat, "exponent"},
		{"even exponent", b64(x509.MarshalPKCS1PublicKey(&even)), ErrFormat, "exponent"},
		{"html", "<html><body>请登录</body></html>", ErrFormat, "neither PEM nor base64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePublicKey([]byte(tt.text))
			if got != nil {
				t.Fatal("a key was returned with an error")
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.contains) {
				t.Fatalf("error %q, want %q containing %q", err, tt.want, tt.contains)
			}
			noSecret(t, err.Error(), tt.text)
		})
	}
}

func TestProve(t *testing.T) {
	t.Parallel()
	if err := prove(ownKey()); err != nil {
		t.Errorf("a valid key: %v", err)
	}
	if err := prove(brokenSigner{ownKey(), &alipayKey1().PublicKey}); !errors.Is(err, ErrUnproven) {
		t.Errorf("a signer that answers for another key: %v", err)
	}
	if err := prove(failingSigner{ownKey()}); !errors.Is(err, ErrUnproven) {
		t.Errorf("a signer that fails: %v", err)
	}
}

func TestCheckMode(t *testing.T) {
	t.Parallel()
	path := write(t, "app.pem", "x")
	for mode, open := range map[os.FileMode]bool{
		0o600: false, 0o400: false, 0o700: false,
		0o640: true, 0o604: true, 0o620: true, 0o601: true, 0o644: true, 0o666: true,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := CheckMode(path)
		if errors.Is(err, ErrOpenToOthers) != open || (err == nil) == open {
			t.Errorf("mode %o: %v", mode, err)
		}
		if open && !strings.Contains(err.Error(), path) {
			t.Errorf("mode %o: %q does not name the file", mode, err)
		}
	}
	if err := CheckMode(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := CheckMode(link); !errors.Is(err, ErrOpenToOthers) {
		t.Errorf("a link to an open file: %v", err)
	}
}

func TestReadFileRefusesHuge(t *testing.T) {
	t.Parallel()
	path := write(t, "big", strings.Repeat("A", maxFile+1))
	if _, err := readFile(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("a file over the limit: %v", err)
	}
	if _, err := readFile(t.TempDir()); err == nil {
		t.Error("a directory was read")
	}
}

// A key that parses can be encoded and parses to the same key; an error comes with nil.
func FuzzParsePrivateKey(f *testing.F) {
	f.Add([]byte(pemText("PRIVATE KEY", pkcs8(ownKey()))))
	f.Add([]byte(pemText("RSA PRIVATE KEY", pkcs1(ownKey()))))
	f.Add([]byte("\ufeff" + wrapped(b64(pkcs1(ownKey())), "\r\n")))
	f.Add([]byte(encryptedPEM()))
	f.Add([]byte(crt(testCA().root.Raw)))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParsePrivateKey(data)
		if err != nil {
			if key != nil {
				t.Fatal("a key was returned with an error")
			}
			return
		}
		for _, text := range []string{b64(pkcs8(key)), pemText("RSA PRIVATE KEY", pkcs1(key))} {
			again, err := ParsePrivateKey([]byte(text))
			if err != nil || !again.Equal(key) {
				t.Fatalf("the encoded key does not parse to the same key: %v", err)
			}
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add([]byte(pemText("PUBLIC KEY", pkixDER(&ownKey().PublicKey))))
	f.Add([]byte(b64(x509.MarshalPKCS1PublicKey(&ownKey().PublicKey))))
	f.Add([]byte("\ufeff\n" + wrapped(b64(pkixDER(&ownKey().PublicKey)), "\n")))
	f.Add([]byte(crt(testCA().root.Raw)))
	f.Fuzz(func(t *testing.T, data []byte) {
		pub, err := ParsePublicKey(data)
		if err != nil {
			if pub != nil {
				t.Fatal("a key was returned with an error")
			}
			return
		}
		again, err := ParsePublicKey([]byte(b64(pkixDER(pub))))
		if err != nil || !again.Equal(pub) {
			t.Fatalf("the encoded key does not parse to the same key: %v", err)
		}
		// A key that parses does not panic on a wrong signature.
		if rsa.VerifyPKCS1v15(pub, 0, make([]byte, 32), make([]byte, pub.Size())) == nil {
			t.Fatal("a signature of zeros verifies")
		}
		_, _ = rsa.EncryptPKCS1v15(rand.Reader, pub, []byte("x"))
	})
}
