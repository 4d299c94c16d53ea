package signing

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fundpass/keys"
)

// readVectors reads a file of the shared vectors and skips the test if it is absent.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "vectors", name))
	if err != nil {
		t.Skip("no shared vectors here")
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// Signatures made by Alipay's Java SDK: sign_type is part of the text.
func TestVectorsJava(t *testing.T) {
	t.Parallel()
	var file struct {
		Files []struct {
			PublicKey string `json:"public_key"`
			Cases     []struct {
				Name, Alg string
				Valid     bool
				Params    map[string]string
			}
		}
	}
	readVectors(t, "params_java_rsacheck.json", &file)
	checked := 0
	for _, f := range file.Files {
		key, err := keys.ParsePublicKey([]byte(f.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Cases {
			params := url.Values{}
			for name, value := range c.Params {
				params.Set(name, value)
			}
			for rule, fits := range map[Rule]bool{NotifyV2: true, Request: true, NotifyV1: false} {
				text, err := Canonical(params, rule)
				if err != nil {
					t.Fatal(err)
				}
				want := c.Valid && fits && c.Alg == "RSA2" // SHA-1 signatures are genuine, but rejected
				if got := Verify(key, text, params.Get("sign")) == nil; got != want {
					t.Errorf("%s rule %d: %v", c.Name, rule, got)
				}
				checked++
			}
		}
	}
	if checked < 18 {
		t.Errorf("only %d checks", checked)
	}
}

type selfVectors struct {
	Keys     map[string]string
	Requests []struct {
		Name, Sign string
		Params     map[string]string
		Text       string `json:"string_to_sign"`
	}
	Notify []struct {
		Name, Body, Rule, Sign string
		Text                   string `json:"string_to_sign"`
		Valid                  bool
	}
	Sync []struct {
		Name, Body string
		Content    string `json:"signed_content"`
		Valid      bool
	}
}

func (v selfVectors) keyring(t *testing.T) *keys.AlipayKeyring {
	t.Helper()
	own, err := keys.ParsePrivateKey([]byte(v.Keys["app_private_pkcs8_b64"]))
	if err != nil {
		t.Fatal(err)
	}
	public, err := keys.ParsePublicKey([]byte(v.Keys["alipay_public_b64"]))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := keys.NewAlipayKeyring("2021000000000001", own, []keys.AlipayKey{
		{Public: public}, {SN: "7513daaaa48aa3ba2e4018d84402479c", Public: public}})
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

// PKCS#1 v1.5 is deterministic, so requests must equal the vectors byte for byte.
func TestVectorsRequests(t *testing.T) {
	t.Parallel()
	var file selfVectors
	readVectors(t, "self_generated.json", &file)
	keyring := file.keyring(t)
	for _, c := range file.Requests {
		params := url.Values{}
		for name, value := range c.Params {
			params.Set(name, value)
		}
		text, err := Canonical(params, Request)
		if err != nil || text != c.Text {
			t.Errorf("%s: %q, %v", c.Name, text, err)
		}
		if got := mustSign(t, keyring.Signer(), text); got != c.Sign {
			t.Errorf("%s: other signature", c.Name)
		}
	}
}

func TestVectorsNotify(t *testing.T) {
	t.Parallel()
	var file selfVectors
	readVectors(t, "self_generated.json", &file)
	key := file.keyring(t).AlipayKeys()[0].Public
	for _, c := range file.Notify {
		params, err := url.ParseQuery(c.Body)
		if err != nil {
			t.Fatal(err)
		}
		rule := NotifyV1
		if strings.HasPrefix(c.Rule, "V2") {
			rule = NotifyV2
		}
		text, err := Canonical(params, rule)
		if err != nil || text != c.Text {
			t.Errorf("%s: %q, %v", c.Name, text, err)
		}
		if got := Verify(key, text, c.Sign) == nil; got != c.Valid {
			t.Errorf("%s: valid = %v", c.Name, got)
		}
		if params.Get("sign") != c.Sign {
			t.Errorf("%s: sign did not survive the form", c.Name)
		}
	}
}

func TestVectorsSync(t *testing.T) {
	t.Parallel()
	var file selfVectors
	readVectors(t, "self_generated.json", &file)
	keyring := file.keyring(t)
	for _, c := range file.Sync {
		a, err := parseResponse([]byte(c.Body), "alipay.user.certify.open.query")
		if err == nil && c.Valid && string(a.content) != c.Content {
			t.Errorf("%s: content %q", c.Name, a.content)
		}
		if err == nil && a.sign == "" {
			err = a.check(keyring)
		} else if err == nil {
			err = a.verify(keyring)
		}
		if (err == nil) != c.Valid {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// The vectors are the test cases of Alipay's Java SDK for the signed content.
func TestVectorsExtraction(t *testing.T) {
	t.Parallel()
	var file struct {
		Cases []struct {
			Name    string
			Root    string `json:"response_key"`
			Body    string
			Content string `json:"signed_content"`
		}
	}
	readVectors(t, "sync_extract_java.json", &file)
	for _, c := range file.Cases {
		method := strings.ReplaceAll(strings.TrimSuffix(c.Root, "_response"), "_", ".")
		a, err := parseResponse([]byte(c.Body), method)
		if err != nil || string(a.content) != c.Content {
			t.Errorf("%s: %q, %v", c.Name, a.content, err)
		}
	}
}
