package signing

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fundpass/keys"
)

// The notifications of the vectors are verified and read.
func TestVectorsNotification(t *testing.T) {
	t.Parallel()
	var file selfVectors
	readVectors(t, "self_generated.json", &file)
	keyring := file.keyring(t)
	families := map[string]Family{"V1_trade_like_hard_values": FamilyTrade, "V1_from_ant_userauth_cancelled": FamilyFromAnt,
		"V2_service_check": FamilyService, "V1_spi_request": FamilySPI}
	for _, c := range file.Notify {
		family, err := vectorFamily(keyring, c.Body)
		if (err == nil) != c.Valid || err == nil && family != families[c.Name] {
			t.Errorf("%s: %q %v", c.Name, family, err)
		}
		if r := Diagnose(keyring, []byte(c.Body)); r.Text != c.Text || !r.Genuine || r.Family != string(families[c.Name]) {
			t.Errorf("%s: %+v", c.Name, r)
		}
	}
	n, err := VerifyNotification(keyring, []byte(file.Notify[1].Body), "application/x-www-form-urlencoded")
	if err != nil {
		t.Fatal(err)
	}
	c, err := n.Cancellation()
	if err != nil || c.Identity.Kind != "user_id" || c.Identity.Value != "2088000000000000" || c.At.UnixMilli() != 1706327962739 {
		t.Errorf("%+v %v", c, err)
	}
}

func vectorFamily(keyring *keys.AlipayKeyring, body string) (Family, error) {
	if !strings.Contains(body, "spi.") {
		n, err := VerifyNotification(keyring, []byte(body), "application/x-www-form-urlencoded")
		return n.Family, err
	}
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: body}}
	if _, err := VerifySPI(keyring, r, time.Now()); !errors.Is(err, ErrStale) {
		return "", err
	}
	_, err := VerifySPI(keyring, r, time.Unix(1546077067, 0))
	return FamilySPI, err
}

// The answers equal the vectors byte for byte.
func TestVectorsAnswers(t *testing.T) {
	t.Parallel()
	var keysOf selfVectors
	readVectors(t, "self_generated.json", &keysOf)
	var file struct {
		Keys  map[string]string
		Other []struct{ Name, Answer, Response, Plain, Content string }
	}
	readVectors(t, "self_generated.json", &file)
	keyring := keysOf.keyring(t)
	checked := 0
	for _, c := range file.Other {
		var got []byte
		var err error
		switch c.Name {
		case "verifygw_answer":
			got, err = SignGatewayCheckAnswer(keyring, true, "UTF-8")
		case "spi_answer":
			got, err = SignSPIAnswer(keyring, json.RawMessage(`{"code":"10000","msg":"Success","biz":"value"}`))
		case "get_phone_number":
			key, decodeErr := strictBase64.DecodeString(file.Keys["aes_key_b64"])
			if decodeErr != nil {
				t.Fatal(decodeErr)
			}
			p, openErr := OpenPhone(keyring, key, []byte(c.Response))
			if openErr != nil || p.Mobile != "13800000000" {
				t.Errorf("phone: %+v %v", p, openErr)
			}
			checked++
			continue
		default:
			continue // protocol version 3 is not supported
		}
		if err != nil || string(got) != c.Answer {
			t.Errorf("%s: %s %v", c.Name, got, err)
		}
		checked++
	}
	if checked != 3 {
		t.Errorf("%d checked", checked)
	}
}

// Published samples of messages, signed by the test, are accepted.
func TestVectorsSamples(t *testing.T) {
	t.Parallel()
	var file struct {
		Samples []struct {
			Name   string
			Params map[string]string
		}
	}
	readVectors(t, "samples_unverified.json", &file)
	checked := 0
	for _, c := range file.Samples {
		if c.Params == nil {
			continue
		}
		checked++
		keyring, err := keys.NewAlipayKeyring(c.Params["app_id"], ownKey(), []keys.AlipayKey{{Public: &alipayKey().PublicKey}})
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{}
		for name, value := range c.Params {
			form.Set(name, value)
		}
		text, err := Canonical(form, NotifyV1)
		if err != nil {
			t.Fatal(err)
		}
		form.Set("sign", mustSign(t, alipayKey(), text))
		n, err := VerifyNotification(keyring, []byte(form.Encode()), "application/x-www-form-urlencoded")
		if err != nil || n.Family != FamilyFromAnt || n.Method != c.Params["msg_method"] || n.NotifyID != c.Params["notify_id"] {
			t.Errorf("%s: %+v %v", c.Name, n, err)
		}
	}
	if checked != 2 {
		t.Errorf("%d samples", checked)
	}
}
