package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var rules = map[string]Rule{"request": Request, "v1": NotifyV1, "v2": NotifyV2}

func TestCanonical(t *testing.T) {
	t.Parallel()
	var cases []struct{ Name, Rule, Params, Text, Hex, Error string }
	readTestdata(t, "canonical.json", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			params, err := url.ParseQuery(c.Params)
			if err != nil {
				t.Fatal(err)
			}
			before := params.Encode()
			got, err := Canonical(params, rules[c.Rule])
			if params.Encode() != before {
				t.Error("the parameters were changed")
			}
			if c.Error != "" {
				if !errors.Is(err, ErrDuplicateKey) || got != "" {
					t.Errorf("got %q, %v; want ErrDuplicateKey", got, err)
				}
				return
			}
			want := c.Text
			if c.Hex != "" {
				raw, err := hex.DecodeString(c.Hex)
				if err != nil {
					t.Fatal(err)
				}
				want = string(raw)
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// describedText is a second implementation of the text, after Alipay's description.
func describedText(params map[string]string, rule Rule) string {
	var names []string
	for name, value := range params {
		if name == "sign" || rule == Request && value == "" || rule == NotifyV1 && name == "sign_type" {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = name + "=" + params[name]
	}
	return strings.Join(names, "&")
}

func drawParams(t *rapid.T) map[string]string {
	name := rapid.OneOf(rapid.SampledFrom([]string{"sign", "sign_type", "img", "img1", "app_id"}), rapid.StringN(0, 8, -1))
	return rapid.MapOfN(name, rapid.StringN(0, 12, -1), 0, 8).Draw(t, "params")
}

func TestSignedIsVerified(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		params := drawParams(t)
		rule := rapid.SampledFrom([]Rule{Request, NotifyV1, NotifyV2}).Draw(t, "rule")
		values := url.Values{}
		for name, value := range params {
			values.Set(name, value)
		}
		text, err := Canonical(values, rule)
		if want := describedText(params, rule); err != nil || text != want {
			t.Fatalf("got %q, %v; want %q", text, err, want)
		}
		signature, err := Sign(ownKey(), text)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(&ownKey().PublicKey, text, signature); err != nil {
			t.Fatal(err)
		}
		more := text + rapid.StringN(1, 3, -1).Draw(t, "more")
		if err := Verify(&ownKey().PublicKey, more, signature); !errors.Is(err, ErrSignature) {
			t.Fatalf("longer text: %v", err)
		}
		if err := Verify(&otherKey().PublicKey, text, signature); !errors.Is(err, ErrSignature) {
			t.Fatalf("other key: %v", err)
		}
	})
}

// A signature has one encoding.
func TestVerifySpelling(t *testing.T) {
	t.Parallel()
	good := mustSign(t, ownKey(), "text")
	if len(good) != 344 || !strings.HasSuffix(good, "==") {
		t.Fatalf("%d characters", len(good))
	}
	stray := []byte(good)
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	stray[341] = alphabet[strings.IndexByte(alphabet, stray[341])|1]
	bad := map[string]string{
		"empty":          "",
		"line feed":      good[:76] + "\n" + good[76:],
		"CR LF":          good + "\r\n",
		"blank behind":   good + " ",
		"blank before":   " " + good,
		"plus as blank":  strings.ReplaceAll(good, "+", " ") + " ",
		"no padding":     strings.TrimRight(good, "="),
		"half padding":   good[:343],
		"more padding":   good + "=",
		"stray bits":     string(stray),
		"URL alphabet":   "-_" + good[2:],
		"twice":          good + good,
		"tab":            good[:10] + "\t" + good[10:],
		"shorter":        good[:340],
		"hex":            hex.EncodeToString([]byte(good)),
		"zeroes":         base64.StdEncoding.EncodeToString(make([]byte, 256)),
		"leading zeroes": base64.StdEncoding.EncodeToString(append(make([]byte, 2), make([]byte, 256)...)),
	}
	for name, signature := range bad {
		if err := Verify(&ownKey().PublicKey, "text", signature); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Verify(&ownKey().PublicKey, "text", good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// SHA-1, PSS and signatures without DigestInfo are rejected.
func TestVerifyAlgorithm(t *testing.T) {
	t.Parallel()
	sum1, sum256 := sha1.Sum([]byte("text")), sha256.Sum256([]byte("text"))
	sha1Signed, _ := rsa.SignPKCS1v15(rand.Reader, ownKey(), crypto.SHA1, sum1[:])
	bare, _ := rsa.SignPKCS1v15(rand.Reader, ownKey(), 0, sum256[:])
	pss, _ := rsa.SignPSS(rand.Reader, ownKey(), crypto.SHA256, sum256[:], nil)
	for name, raw := range map[string][]byte{"SHA-1": sha1Signed, "no hash": bare, "PSS": pss} {
		if len(raw) != 256 {
			t.Fatalf("%s: not signed", name)
		}
		if err := Verify(&ownKey().PublicKey, "text", base64.StdEncoding.EncodeToString(raw)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestShortKeys(t *testing.T) {
	t.Parallel()
	short := newTestKey(1024)
	if _, err := Sign(short, "text"); !errors.Is(err, ErrKey) {
		t.Errorf("sign: %v", err)
	}
	sum := sha256.Sum256([]byte("text"))
	raw, err := rsa.SignPKCS1v15(rand.Reader, short, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(&short.PublicKey, "text", base64.StdEncoding.EncodeToString(raw)); !errors.Is(err, ErrKey) {
		t.Errorf("verify: %v", err)
	}
	if err := Verify(nil, "text", mustSign(t, ownKey(), "text")); !errors.Is(err, ErrKey) {
		t.Errorf("no key: %v", err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(curve, "text"); !errors.Is(err, ErrKey) {
		t.Errorf("not RSA: %v", err)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("img=1&img1=2&sign=x&sign_type=RSA2")
	f.Add("a=1&a=2")
	f.Add("=&a=%00")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Skip()
		}
		params, twice := map[string]string{}, false
		for name := range values {
			params[name] = values.Get(name)
			twice = twice || len(values[name]) > 1
		}
		for _, rule := range rules {
			text, err := Canonical(values, rule)
			switch {
			case twice && (!errors.Is(err, ErrDuplicateKey) || text != ""):
				t.Fatalf("duplicate: %q, %v", text, err)
			case !twice && (err != nil || text != describedText(params, rule)):
				t.Fatalf("%q, %v", text, err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	text := strings.Repeat("name=value&", 80)
	signature := mustSign(b, ownKey(), text)
	raw, _ := base64.StdEncoding.DecodeString(signature)
	b.Run("crypto-rsa", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256([]byte(text))
			if rsa.VerifyPKCS1v15(&ownKey().PublicKey, crypto.SHA256, sum[:], raw) != nil {
				b.Fatal("rejected")
			}
		}
	})
	b.Run("signing", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if Verify(&ownKey().PublicKey, text, signature) != nil {
				b.Fatal("rejected")
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	text := strings.Repeat("name=value&", 80)
	b.Run("crypto-rsa", func(b *testing.B) {
		for b.Loop() {
			sum := sha256.Sum256([]byte(text))
			if _, err := rsa.SignPKCS1v15(rand.Reader, ownKey(), crypto.SHA256, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("signing", func(b *testing.B) {
		for b.Loop() {
			if _, err := Sign(ownKey(), text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
