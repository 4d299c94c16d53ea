package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/app/appclient"
	"fundpass/store"
)

const chosenPassword = "Copper-Kettle-58"

func (c citizen) forgotten() appclient.Forgotten {
	return appclient.Forgotten{Person: c.Person.Name, Document: c.Person.IDNumber, Name: "我的手机", Platform: "HarmonyOS 5"}
}

// otherThan returns another code of six digits.
func otherThan(code string) string { return string('0'+('9'-code[0])) + code[1:] }

// Who has forgotten the password sets a new one with a code to the phone on file. The device is
// known then, and all other sessions of the person end, on every channel.
func TestForgotten(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	c := h.citizen()
	earlier, d := h.signedIn(c), h.device()
	account, err := h.db.RecoverableAccount(t.Context(), h.db.PersonDigest(c.DocumentKey), "")
	must(t, err)
	website := []byte(uuid.NewString())
	must(t, h.db.SignIn(t.Context(), store.SignIn{Channel: store.ChannelWebsite, TokenDigest: website, Account: *account}))

	sent, err := d.Forgot(t.Context(), c.forgotten())
	must(t, err)
	code := h.inbox(c)
	reset, err := d.ProveForgotten(t.Context(), sent, code)
	must(t, err)
	if _, err := earlier.Devices(t.Context()); err != nil {
		t.Errorf("the other device before the new password: %v", err)
	}
	if ended, err := d.SetPassword(t.Context(), reset, chosenPassword); err != nil || ended != 2 {
		t.Errorf("%d sessions ended, %v", ended, err)
	}
	if _, err := earlier.Devices(t.Context()); codeOf(err) != "SESSION_EXPIRED" {
		t.Errorf("the other device: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM sessions WHERE token_digest = $1`, website); n != 0 {
		t.Error("the session of the website is alive")
	}
	var record struct {
		Events []struct{ Kind, Channel, Text string }
	}
	must(t, d.Call(t.Context(), http.MethodGet, "/v1/events", nil, &record))
	for _, kind := range []string{store.EventResetCodeSent, store.EventDeviceAdded} {
		if !slices.ContainsFunc(record.Events, func(e struct{ Kind, Channel, Text string }) bool {
			return e.Kind == kind && e.Channel == "app" && e.Text != ""
		}) {
			t.Errorf("no %s in the record: %+v", kind, record.Events)
		}
	}
	if n := h.count(`SELECT count(*) FROM outbox WHERE kind = $1`, store.NoticeDeviceAdded); n != 2 { // and that of the earlier one
		t.Errorf("%d notices of devices", n)
	}
	must(t, d.SignOut(t.Context()))
	form := c.form()
	form.Password = chosenPassword
	if again, err := d.SignIn(t.Context(), form); err != nil || again != nil {
		t.Errorf("the device with the new password: %+v, %v", again, err)
	}
	if _, err := d.ProveForgotten(t.Context(), sent, code); codeOf(err) != "SMS_CODE_GONE" {
		t.Errorf("the code again: %v", err)
	}
	h.secretless(c, code, sent.Ticket, chosenPassword)
}

// A stranger learns nothing: whether the person is known, the name right or a phone on file, the
// reply is the same and so is that to a wrong code. Only the owner gets an SMS.
func TestForgottenRevealsNothing(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	c := h.citizen()
	mute := h.citizen(func(d *store.Depositor) { d.Person.Phone = "" })
	another, nobody := c.forgotten(), c.forgotten()
	another.Person, nobody.Document = "别的人", otherNumber(c)
	lengths := map[int]bool{}
	for name, form := range map[string]appclient.Forgotten{"known": c.forgotten(), "another name": another, "nobody": nobody, "no phone": mute.forgotten()} {
		d := h.device()
		sent, err := d.Forgot(t.Context(), form)
		must(t, err)
		lengths[len(sent.Ticket)] = true
		code := "000000"
		if name == "known" {
			code = otherThan(h.inbox(c))
		}
		for _, want := range []string{"SMS_CODE_WRONG", "SMS_CODE_WRONG", "SMS_CODE_WRONG", "SMS_CODE_GONE"} {
			if _, err := d.ProveForgotten(t.Context(), sent, code); codeOf(err) != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		h.ahead.Add(int64(2 * time.Minute))
	}
	if len(lengths) != 1 {
		t.Errorf("tickets of lengths %v", lengths)
	}
	if n := h.count(`SELECT count(*) FROM outbox`); n != 1 {
		t.Errorf("%d SMS, want that to the owner", n)
	}
	if n := h.count(`SELECT count(*) FROM sessions`) + h.count(`SELECT count(*) FROM devices`); n != 0 {
		t.Errorf("%d sessions and devices", n)
	}
}

// A code for the forgotten password is worth nothing on another device, beside the ticket of
// another person or of a sign-in, and that of a sign-in nothing here.
func TestHostileForgotten(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	c, other := h.citizen(), h.citizen()
	d, thief := h.device(), h.device()
	sent, err := d.Forgot(t.Context(), c.forgotten())
	must(t, err)
	code := h.inbox(c)
	foreign, err := d.Forgot(t.Context(), other.forgotten())
	must(t, err)
	h.ahead.Add(int64(61 * time.Second))
	signIn, err := d.SignIn(t.Context(), c.form())
	must(t, err)
	for _, tt := range []struct {
		name         string
		device       *appclient.Device
		ticket, code string
		want         string
	}{
		{"on another device", thief, sent.Ticket, code, "SIGN_IN_GONE"},
		{"forged ticket", d, sent.Ticket + "A", code, "SIGN_IN_GONE"},
		{"no ticket", d, "", code, "SIGN_IN_GONE"},
		{"ticket of a sign-in", d, signIn.Ticket, code, "SIGN_IN_GONE"},
		{"ticket of another person", d, foreign.Ticket, code, "SMS_CODE_WRONG"},
		{"no digits", d, sent.Ticket, "abcdef", "BAD_REQUEST"},
	} {
		if _, err := tt.device.ProveForgotten(t.Context(), appclient.Code{Ticket: tt.ticket}, tt.code); codeOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if err := d.GiveCode(t.Context(), appclient.Code{Ticket: sent.Ticket}, code); codeOf(err) != "SIGN_IN_GONE" {
		t.Errorf("as the code of a sign-in: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM sessions`) + h.count(`SELECT count(*) FROM devices`); n != 0 {
		t.Errorf("%d sessions and devices", n)
	}
	_, err = d.ProveForgotten(t.Context(), sent, code)
	must(t, err)
}

// A code without the centre's SMS is not offered, and what is wrong with the form is named in
// the fields of the channel.
func TestForgottenForm(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	for name, tt := range map[string]struct{ body, field string }{
		"nothing":     {`{}`, "document"},
		"no name":     {`{"document":"` + h.citizen().Person.IDNumber + `"}`, "name"},
		"long device": {`{"device_name":"` + strings.Repeat("机", 41) + `"}`, "device_name"},
	} {
		r := h.send(raw{method: "POST", path: "/v1/sessions/forgotten", body: tt.body, proofs: []string{prove(t, h.device(), h.claims("POST", "/v1/sessions/forgotten", ""))}})
		if r.Code != "BAD_REQUEST" || !strings.Contains(r.Text, `"field":"`+tt.field+`"`) {
			t.Errorf("%s: %s, want the field %s", name, r.Text, tt.field)
		}
	}
	if _, err := newEnv(t).device().Forgot(t.Context(), h.citizen().forgotten()); codeOf(err) != "NOT_OFFERED" {
		t.Errorf("without SMS: %v", err)
	}
}
