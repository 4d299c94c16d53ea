package app_test

import (
	"slices"
	"testing"
	"time"

	"fundpass/miniapp-api/app/appclient"
	"fundpass/store"
	"fundpass/store/storetest"
)

// inbox returns the code of the latest SMS to a person, as the phone on file receives it.
func (h *env) inbox(c citizen) string {
	h.t.Helper()
	var id string
	must(h.t, storetest.ProbeOf(h.db).Get(&id, `SELECT code_id::text FROM sms_codes WHERE person_digest = $1 ORDER BY issued_at DESC LIMIT 1`,
		h.db.PersonDigest(c.DocumentKey)))
	due, _, err := h.db.Outbox().DueSMS(h.t.Context(), 100, store.MediumSMS)
	must(h.t, err)
	i := slices.IndexFunc(due, func(d store.Delivery) bool { return d.ID.String() == id })
	if i < 0 {
		h.t.Fatal("no code was sent")
	}
	n, err := h.db.Outbox().Notice(due[i])
	must(h.t, err)
	return n.Code
}

// A new device signs in with the code that the phone on file receives, and is known then.
func TestSignInOnANewDevice(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	c := h.citizen()
	d := h.device()
	sent, err := d.SignIn(t.Context(), c.form())
	must(t, err)
	if sent == nil || d.Token() != "" || sent.Phone == "" || sent.Phone == c.Person.Phone || h.count(`SELECT count(*) FROM sessions`) != 0 {
		t.Fatalf("a new device got %+v", sent)
	}
	code := h.inbox(c)
	must(t, d.GiveCode(t.Context(), *sent, code))
	devices, err := d.Devices(t.Context())
	if must(t, err); len(devices) != 1 || devices[0].Name != "我的手机" || devices[0].Platform != "HarmonyOS 5" {
		t.Errorf("devices %+v", devices)
	}
	if err := d.GiveCode(t.Context(), *sent, code); codeOf(err) != "SMS_CODE_GONE" {
		t.Errorf("the code again: %v", err)
	}
	if again, err := d.SignIn(t.Context(), c.form()); err != nil || again != nil {
		t.Errorf("the known device: %+v, %v", again, err)
	}
	h.secretless(c, code, sent.Ticket)
}

// T: a code is worth nothing on another device, beside a forged ticket, or after three tries.
func TestHostileCodes(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	c := h.citizen()
	d, thief := h.device(), h.device()
	sent, err := d.SignIn(t.Context(), c.form())
	must(t, err)
	code := h.inbox(c)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	for _, tt := range []struct {
		name   string
		device *appclient.Device
		ticket string
		code   string
		want   string
	}{
		{"on another device", thief, sent.Ticket, code, "SIGN_IN_GONE"},
		{"forged ticket", d, sent.Ticket + "A", code, "SIGN_IN_GONE"},
		{"no ticket", d, "", code, "SIGN_IN_GONE"},
		{"no digits", d, sent.Ticket, "abcdef", "BAD_REQUEST"},
		{"first try", d, sent.Ticket, wrong, "SMS_CODE_WRONG"},
		{"second try", d, sent.Ticket, wrong, "SMS_CODE_WRONG"},
		{"third try", d, sent.Ticket, wrong, "SMS_CODE_WRONG"},
		{"right after three tries", d, sent.Ticket, code, "SMS_CODE_GONE"},
	} {
		if err := tt.device.GiveCode(t.Context(), appclient.Code{Ticket: tt.ticket}, tt.code); codeOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := d.SignIn(t.Context(), c.form()); codeOf(err) != "SMS_CODE_LIMIT" {
		t.Errorf("another code at once: %v", err)
	}
	h.ahead.Add(int64(2 * time.Minute))
	sent, err = d.SignIn(t.Context(), c.form())
	must(t, err)
	h.ahead.Add(int64(6 * time.Minute))
	if err := d.GiveCode(t.Context(), *sent, "123456"); codeOf(err) != "SIGN_IN_GONE" {
		t.Errorf("after six minutes: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM sessions`) + h.count(`SELECT count(*) FROM devices`); n != 0 {
		t.Errorf("%d sessions and devices", n)
	}
}

// A person without a phone of their own on file cannot sign in on a new device.
func TestNewDeviceWithoutPhone(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, true)
	c := h.citizen(func(d *store.Depositor) { d.Person.Phone = "" })
	if _, err := h.device().SignIn(t.Context(), c.form()); codeOf(err) != "SIGN_IN_CODE_UNAVAILABLE" {
		t.Errorf("without a phone: %v", err)
	}
}
