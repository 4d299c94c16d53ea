package app_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/app"
	"fundpass/miniapp-api/app/appclient"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/store"
	"fundpass/store/storetest"
)

// jwk returns the public key of a device as the form has it.
func jwk(key *ecdsa.PrivateKey) members {
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return members{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// otherNumber returns a valid number of nobody.
func otherNumber(c citizen) string {
	body := "99010219560307" + c.Person.IDNumber[14:17]
	return body + document.CheckDigit(body)
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// T: forms with wrong, missing, repeated and huge fields open no session and name the field.
func TestHostileSignIns(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d, other := h.device(), h.device()
	h.known(c, d)
	private := jwk(d.Key())
	private["d"] = "AAAA"
	form := func(changes members) string {
		f := members{"document": c.Person.IDNumber, "password": c.Password}
		for name, value := range changes {
			f[name] = value
		}
		return text(f)
	}
	for name, tt := range map[string]struct{ body, want, field string }{
		"nothing":             {`{}`, "BAD_REQUEST", "document"},
		"no password":         {`{"document":"` + c.Person.IDNumber + `"}`, "BAD_REQUEST", "password"},
		"number as text":      {form(members{"password": 1}), "BAD_REQUEST", "password"},
		"unknown field":       {form(members{"id_number": "1"}), "BAD_REQUEST", ""},
		"repeated field":      {strings.Replace(form(nil), `{`, `{"password":"x",`, 1), "BAD_REQUEST", ""},
		"control character":   {form(members{"device_name": "a\u0000"}), "BAD_REQUEST", "device_name"},
		"long name":           {form(members{"device_name": strings.Repeat("机", 41)}), "BAD_REQUEST", "device_name"},
		"long platform":       {form(members{"platform": strings.Repeat("a", 41)}), "BAD_REQUEST", "platform"},
		"long account":        {form(members{"account_no": strings.Repeat("1", 30)}), "BAD_REQUEST", "account_no"},
		"key of another":      {form(members{"device_key": jwk(other.Key())}), "BAD_REQUEST", "device_key"},
		"private key":         {form(members{"device_key": private}), "BAD_REQUEST", "device_key"},
		"key that is a word":  {form(members{"device_key": "key"}), "BAD_REQUEST", "device_key"},
		"wrong password":      {form(members{"password": "wrong"}), "SIGN_IN_REFUSED", ""},
		"unknown person":      {form(members{"document": otherNumber(c)}), "SIGN_IN_REFUSED", ""},
		"unknown account":     {form(members{"document": "", "account_no": "1"}), "SIGN_IN_REFUSED", ""},
		"account of a person": {form(members{"account_no": "880000999999"}), "SIGN_IN_REFUSED", ""},
	} {
		r := h.send(raw{method: "POST", path: "/v1/sessions", body: tt.body, proofs: []string{prove(t, d, h.claims("POST", "/v1/sessions", ""))}})
		if r.Code != tt.want || tt.field != "" && !strings.Contains(r.Text, `"field":"`+tt.field+`"`) {
			t.Errorf("%s: %s, want %s of %s", name, r.Text, tt.want, tt.field)
		}
	}
	if n := h.count(`SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
	r := h.send(raw{method: "POST", path: "/v1/sessions", body: form(members{"device_key": jwk(d.Key())}), proofs: []string{prove(t, d, h.claims("POST", "/v1/sessions", ""))}})
	if r.Code != "OK" || r.Data["token"] == "" || r.Data["sms_code"] != nil || r.Data["linked"] != true {
		t.Errorf("the device's own key: %s", r.Text)
	}
	h.secretless(c)
}

// A retry of a sign-in with the same key and a new proof gets the same token, on the same device
// only, and the database has no token.
func TestSignInIsRepeatable(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d, other := h.device(), h.device()
	h.known(c, d)
	h.known(c, other)
	send := func(proof string) reply {
		req, err := http.NewRequest("POST", h.url+"/v1/sessions", strings.NewReader(text(members{"document": c.Person.IDNumber, "password": c.Password})))
		must(t, err)
		req.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {"once"}, "Dpop": {proof}}
		rsp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer rsp.Body.Close()
		var r reply
		must(t, json.NewDecoder(rsp.Body).Decode(&r))
		return r
	}
	first := send(prove(t, d, h.claims("POST", "/v1/sessions", "")))
	again := send(prove(t, d, h.claims("POST", "/v1/sessions", "")))
	foreign := send(prove(t, other, h.claims("POST", "/v1/sessions", "")))
	token := fmt.Sprint(first.Data["token"])
	if first.Code != "OK" || again.Data["token"] != token || len(token) != 43 {
		t.Errorf("first %v, again %v", first.Data, again.Data)
	}
	if foreign.Data["token"] == token || h.count(`SELECT count(*) FROM sessions`) != 2 {
		t.Errorf("another device has the token of the first, or %d sessions", h.count(`SELECT count(*) FROM sessions`))
	}
	r := h.send(raw{method: "GET", path: showPassword, token: token, scheme: "DPoP", proofs: []string{prove(t, d, h.claims("GET", showPassword, token))}})
	if r.Code != "OK" {
		t.Errorf("with the repeated token: %s", r.Text)
	}
}

// A centre that takes encrypted passwords only takes them from devices without a session, once,
// and from the device that has the ticket.
func TestEncryptedSignIn(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	transport, err := keys.NewTransport(key)
	must(t, err)
	h := newEnv(t, func(c *httpapi.Config) { c.Transport, c.SealedOnly = transport, true })
	c := h.citizen()
	d, other := h.device(), h.device()
	h.known(c, d)
	h.known(c, other)
	if _, err := d.SignIn(t.Context(), c.form()); codeOf(err) != "BAD_REQUEST" {
		t.Errorf("a readable password: %v", err)
	}
	var ticket struct {
		Ticket, KID, Alg string
		PublicKey        string `json:"public_key"`
	}
	must(t, d.Call(t.Context(), "POST", "/v1/sessions/tickets", members{}, &ticket))
	sealed := seal(t, ticket.PublicKey, "gjj-password/1|"+ticket.KID+"|"+ticket.Ticket, text(members{"o": c.Password}))
	form := members{"document": c.Person.IDNumber, "encrypted": members{"ticket": ticket.Ticket, "kid": ticket.KID, "alg": ticket.Alg, "sealed": sealed}}
	for _, tt := range []struct {
		name   string
		device *appclient.Device
		want   string
	}{{"another device", other, "DECRYPT_FAILED"}, {"its device", d, "OK"}, {"again", d, "DECRYPT_FAILED"}} {
		if got := codeOf(tt.device.Call(t.Context(), "POST", "/v1/sessions", form, nil)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A centre without SMS says to a new device, and not to a stranger, that no code can be sent.
func TestNewDeviceWithoutSMS(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	form := c.form()
	_, err := h.device().SignIn(t.Context(), form)
	if codeOf(err) != "SIGN_IN_CODE_UNAVAILABLE" {
		t.Errorf("a new device: %v", err)
	}
	form.Password = "wrong"
	if _, err := h.device().SignIn(t.Context(), form); codeOf(err) != "SIGN_IN_REFUSED" {
		t.Errorf("a stranger: %v", err)
	}
}

// Devices are listed and ended by their owner; an ended one is signed out.
func TestDevices(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	lost, mine := h.device(), h.device()
	h.known(c, lost)
	h.known(c, mine)
	form := c.form()
	_, err := lost.SignIn(t.Context(), form)
	must(t, err)
	_, err = mine.SignIn(t.Context(), form)
	must(t, err)
	devices, err := mine.Devices(t.Context())
	if must(t, err); len(devices) != 2 || !devices[0].IsThis || devices[1].IsThis || devices[0].Name != "我的手机" {
		t.Fatalf("devices %+v", devices)
	}
	stranger := h.signedIn(h.citizen())
	for _, tt := range []struct {
		name string
		end  func() (int, error)
		want string
	}{
		{"a stranger", func() (int, error) { return stranger.EndDevice(t.Context(), devices[1].ID) }, "NO_SUCH_DEVICE"},
		{"no id", func() (int, error) { return mine.EndDevice(t.Context(), "x") }, "NO_SUCH_DEVICE"},
	} {
		if _, err := tt.end(); codeOf(err) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if ended, err := mine.EndDevice(t.Context(), devices[1].ID); err != nil || ended != 1 {
		t.Errorf("%d sessions ended, %v", ended, err)
	}
	if _, err := lost.Devices(t.Context()); codeOf(err) != "SESSION_EXPIRED" {
		t.Errorf("the ended device: %v", err)
	}
	if _, err := lost.SignIn(t.Context(), form); codeOf(err) != "SIGN_IN_CODE_UNAVAILABLE" {
		t.Errorf("the ended device signs in without a code: %v", err)
	}
	var own struct {
		Devices []struct {
			Name    string
			EndedAt *time.Time `json:"ended_at"`
		}
	}
	must(t, mine.Call(t.Context(), "GET", "/v1/me/data", nil, &own))
	if len(own.Devices) != 2 || own.Devices[0].EndedAt == nil || own.Devices[1].EndedAt != nil || own.Devices[1].Name != "我的手机" {
		t.Errorf("the person's data have the devices %+v", own.Devices)
	}
	var events struct {
		Events []struct{ Kind, Text string }
	}
	must(t, mine.Call(t.Context(), "GET", "/v1/events", nil, &events))
	if events.Events[0].Kind != store.EventDeviceEnded || events.Events[0].Text != "手机应用的登录设备已移除" {
		t.Errorf("the record begins with %+v", events.Events[0])
	}
	if ended, err := mine.EndDevice(t.Context(), devices[0].ID); err != nil || ended != 1 {
		t.Errorf("this device: %d sessions ended, %v", ended, err)
	}
	if _, err := mine.Devices(t.Context()); codeOf(err) != "SESSION_EXPIRED" {
		t.Errorf("this device is not signed out: %v", err)
	}
}

// A change of the password ends the sessions on the person's other devices.
func TestChangeEndsOtherDevices(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	d, other := h.device(), h.device()
	h.known(c, d)
	h.known(c, other)
	_, err := d.SignIn(t.Context(), c.form())
	must(t, err)
	_, err = other.SignIn(t.Context(), c.form())
	must(t, err)
	if ended, err := d.ChangePassword(t.Context(), c.Person.IDNumber, c.Password, "Copper-Kettle-77"); err != nil || ended != 1 {
		t.Errorf("%d sessions ended, %v", ended, err)
	}
	if _, err := other.Devices(t.Context()); codeOf(err) != "SESSION_EXPIRED" {
		t.Errorf("the other device: %v", err)
	}
}

// The URL is a setting, and what is none is refused.
func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://app.example.gov.cn": true, "https://app.example.gov.cn:8443/mobile/": true, "http://127.0.0.1:1": true,
		"": false, "app.example.gov.cn": false, "ftp://a": false, "https://": false, "https://a?b": false, "https://u@a": false, "https://a#b": false,
	} {
		if err := app.CheckURL(url); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := app.New(app.Config{DB: storetest.New(t)}); err == nil {
		t.Error("a channel without a service")
	}
}

// seal encrypts as a page does.
func seal(t *testing.T, public, label, plain string) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(public)
	must(t, err)
	key, err := x509.ParsePKIXPublicKey(der)
	must(t, err)
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key.(*rsa.PublicKey), []byte(plain), []byte(label))
	must(t, err)
	return base64.StdEncoding.EncodeToString(sealed)
}
