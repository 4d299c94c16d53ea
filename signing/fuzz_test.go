package signing_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"

	"fundpass/keys"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// signedFile holds messages signed by a key that was then deleted, so that all processes
// of a fuzzing run have the same genuine messages and nobody can make another one.
const signedFile = "testdata/signed.json"

type signedMessages struct {
	AlipayKey     string   `json:"alipay_key"`
	Notifications []string `json:"notifications"`
	Calls         []string `json:"calls"`
	Phones        []string `json:"phones"`
}

// TestUpdateSigned writes signedFile when the tests run with -update.
func TestUpdateSigned(t *testing.T) {
	if flag.Lookup("update").Value.String() != "true" {
		t.Skip("only with -update")
	}
	thrownAway, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := alipaysim.New(alipaysim.Config{AppID: appID, AppKey: &ownKey().PublicKey, Key: thrownAway, ContentKey: contentKey, Now: at(noon)})
	if err != nil {
		t.Fatal(err)
	}
	sim.Add(alipaysim.Person{Person: "both", UserID: "2088000000000002", OpenID: "074aBoth_-1", Phone: "19900000001"})
	var file signedMessages
	for _, kind := range slices.Sorted(maps.Keys(alipaysim.Kinds())) {
		body := string(write(t, sim, alipaysim.Notice{Person: "both", Kind: kind}).Body)
		if kind == "spi.alipay.fund.account.query" {
			file.Calls = append(file.Calls, body)
		} else {
			file.Notifications = append(file.Notifications, body)
		}
	}
	gbk := alipaysim.Notice{Kind: "alipay.open.mini.version.audit.rejected", Charset: "GBK"}
	file.Notifications = append(file.Notifications, string(write(t, sim, gbk).Body))
	for _, fault := range []string{"", "refused"} {
		payload, err := sim.Phone("both", fault)
		if err != nil {
			t.Fatal(err)
		}
		file.Phones = append(file.Phones, payload)
	}
	der, err := x509.MarshalPKIXPublicKey(&thrownAway.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file.AlipayKey = base64.StdEncoding.EncodeToString(der)
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signedFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readSigned(t testing.TB) (*keys.AlipayKeyring, signedMessages) {
	t.Helper()
	data, err := os.ReadFile(signedFile)
	if err != nil {
		t.Fatal(err)
	}
	var file signedMessages
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	public, err := keys.ParsePublicKey([]byte(file.AlipayKey))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := keys.NewAlipayKeyring(appID, ownKey(), []keys.AlipayKey{{Public: public, Source: "alipay.pem"}})
	if err != nil {
		t.Fatal(err)
	}
	return keyring, file
}

// An accepted message equals one of the genuine messages; an error comes with the zero
// Notification.
func FuzzNotification(f *testing.F) {
	keyring, file := readSigned(f)
	var genuine []signing.Notification
	for _, body := range file.Notifications {
		f.Add([]byte(body))
		genuine = append(genuine, accept(f, keyring, []byte(body)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := signing.VerifyNotification(keyring, body, formType)
		if err != nil {
			if !reflect.DeepEqual(got, signing.Notification{}) {
				t.Fatalf("%v, and %+v", err, got)
			}
			return
		}
		if !slices.ContainsFunc(genuine, func(n signing.Notification) bool { return reflect.DeepEqual(n, got) }) {
			t.Fatalf("accepted a forged message: %+v", got)
		}
	})
}

// FuzzSPI does the same as FuzzNotification for SPI calls.
func FuzzSPI(f *testing.F) {
	keyring, file := readSigned(f)
	var genuine []signing.SPICall
	for _, body := range file.Calls {
		f.Add([]byte(body))
		c, err := signing.VerifySPI(keyring, spiPost([]byte(body)), noon)
		if err != nil {
			f.Fatal(err)
		}
		genuine = append(genuine, c)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := signing.VerifySPI(keyring, spiPost(body), noon)
		if err != nil {
			if !reflect.DeepEqual(got, signing.SPICall{}) {
				t.Fatalf("%v, and %+v", err, got)
			}
			return
		}
		if !slices.ContainsFunc(genuine, func(c signing.SPICall) bool { return reflect.DeepEqual(c, got) }) {
			t.Fatalf("accepted a forged message: %+v", got)
		}
	})
}

// FuzzOpenPhone does the same for phone payloads.
func FuzzOpenPhone(f *testing.F) {
	keyring, file := readSigned(f)
	genuine, err := signing.OpenPhone(keyring, contentKey, []byte(file.Phones[0]))
	if err != nil {
		f.Fatal(err)
	}
	for _, payload := range file.Phones {
		f.Add([]byte(payload))
	}
	f.Add([]byte(`{"response":"QUFB","sign":"x"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := signing.OpenPhone(keyring, contentKey, payload)
		if (err == nil) != (got == genuine) || err != nil && got != (signing.Phone{}) {
			t.Fatalf("%v, %+v", err, got)
		}
	})
}

// Diagnose agrees with the verifying functions, always has a reason, and does not panic.
func FuzzDiagnose(f *testing.F) {
	keyring, file := readSigned(f)
	for _, list := range [][]string{file.Notifications, file.Calls, file.Phones} {
		for _, raw := range list {
			f.Add([]byte(raw))
		}
	}
	f.Add([]byte(`{"error_response":{"code":"40002","sub_code":"isv.code-invalid"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := signing.Diagnose(keyring, raw)
		if (r.Verdict == nil) != (r.Reason == "") || r.Verdict == nil && !r.Genuine || r.Length != len(r.Text) {
			t.Fatalf("%+v", r)
		}
		if bytes.HasPrefix(raw, []byte("{")) || r.Family == "spi" || bytes.ContainsAny(raw, "\r\n") {
			return
		}
		n, err := signing.VerifyNotification(keyring, raw, formType)
		if err == nil && !r.Genuine || err != nil && r.Verdict == nil || err == nil && string(n.Family) != r.Family {
			t.Fatalf("%v, reported %+v", err, r)
		}
	})
}
