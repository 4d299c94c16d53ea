package signing_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

func TestGatewayCheckAnswer(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t, ownKey(), alipayKey())
	for _, c := range []struct {
		name, charset, head string
		ok                  bool
	}{
		{"yes", "UTF-8", "UTF-8", true},
		{"yes in GBK", "GBK", "GBK", true},
		{"no", "UTF-8", "UTF-8", false},
		{"odd charset", `"?><x>`, "UTF-8", true},
	} {
		answer, err := signing.SignGatewayCheckAnswer(keyring, c.ok, c.charset)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(answer), "<alipay>")
		if head != `<?xml version="1.0" encoding="`+c.head+`"?>` {
			t.Errorf("%s: %s", c.name, head)
		}
		var got struct {
			Response struct {
				Inner   string `xml:",innerxml"`
				Success bool   `xml:"success"`
				Error   string `xml:"error_code"`
				Key     string `xml:"biz_content"`
			} `xml:"response"`
			Sign     string `xml:"sign"`
			SignType string `xml:"sign_type"`
		}
		if err := xml.Unmarshal([]byte("<alipay>"+rest), &got); err != nil {
			t.Fatal(err)
		}
		wantError := map[bool]string{false: "VERIFY_FAILED"}[c.ok]
		if got.Response.Success != c.ok || got.Response.Error != wantError || got.SignType != "RSA2" || !strings.HasPrefix(got.Response.Key, "MIIB") {
			t.Errorf("%s: %+v", c.name, got)
		}
		if err := signing.Verify(&ownKey().PublicKey, got.Response.Inner, got.Sign); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestIsGatewayCheck(t *testing.T) {
	t.Parallel()
	sim := newSim(t, alipaysim.Config{})
	body := func(kind, fault, charset string) string {
		return string(write(t, sim, alipaysim.Notice{Person: "ok", Kind: kind, Fault: fault, Charset: charset}).Body)
	}
	for _, c := range []struct {
		name, body, charset string
		want                bool
	}{
		{"check", body(signing.MethodGatewayCheck, "", ""), "UTF-8", true},
		{"check in GBK", body(signing.MethodGatewayCheck, "", "GBK"), "GBK", true},
		{"forged check", body(signing.MethodGatewayCheck, "wrong_key", ""), "UTF-8", true},
		{"other service", body("alipay.mobile.public.message.notify", "", ""), "UTF-8", false},
		{"message", body(signing.MethodCancelled, "", ""), "UTF-8", false},
		{"unknown charset", "service=alipay.service.check&charset=x", "", false},
		{"no form", "%", "", false},
	} {
		charset, ok := signing.IsGatewayCheck([]byte(c.body))
		if ok != c.want || charset != c.charset {
			t.Errorf("%s: %q %v", c.name, charset, ok)
		}
	}
}
