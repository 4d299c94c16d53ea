package selfservice

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// onDevice returns a caller without a session, and the form of a sign-in with its device.
func onDevice(key string, d store.Depositor, password string) (Caller, SignInInput) {
	c := Caller{Channel: ChannelApp, Binding: []byte(key), Network: "192.0.2.1"}
	in := formOf(d, password)
	in.Device = &Device{Thumbprint: c.Binding, Name: " 我的手机 ", Platform: "HarmonyOS 5"}
	return c, in
}

// deviceSession returns the caller of a session on a device.
func (h *signInCentre) deviceSession(key string, token []byte) Caller {
	h.t.Helper()
	s, err := h.db.DeviceSession(h.t.Context(), token, store.Proof{Thumbprint: []byte(key), Digest: []byte(uuid.NewString()), ExpiresAt: h.db.Now().Add(time.Minute)})
	must(h.t, err)
	return Caller{Session: s, Channel: ChannelApp, Network: "192.0.2.1"}
}

// purposeOf returns the purpose of a code.
func (h *signInCentre) purposeOf(id uuid.UUID) (purpose string) {
	h.t.Helper()
	must(h.t, storetest.ProbeOf(h.db).Get(&purpose, `SELECT purpose FROM sms_codes WHERE code_id = $1`, id))
	return purpose
}

// codeOf returns the code of a step, as the phone on file receives it.
func (h *signInCentre) codeOf(step *SignInStep) passwd.Secret {
	h.t.Helper()
	due, _, err := h.db.Outbox().DueSMS(h.t.Context(), 10, store.MediumSMS)
	must(h.t, err)
	i := slices.IndexFunc(due, func(d store.Delivery) bool { return d.ID == step.Code.ID })
	if i < 0 {
		h.t.Fatal("the code was not sent")
	}
	n, err := h.db.Outbox().Notice(due[i])
	must(h.t, err)
	return passwd.NewSecret(n.Code)
}

// A new device needs a code of its own purpose beside the right password, and a known one does
// not, for this person.
func TestNewDeviceNeedsACode(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d, other := h.depositor(1), h.depositor(2)
	c, in := onDevice("phone", d, "wrong")
	_, err := h.signIn(c, in)
	want(t, "a wrong password", err, ErrSignInRefused)
	if n := h.count(`SELECT count(*) FROM sms_codes`); n != 0 {
		t.Error("a code was sent for a wrong password")
	}
	_, in = onDevice("phone", d, rightPassword1)
	got, err := h.signIn(c, in)
	must(t, err)
	if got.Step == nil || h.count(`SELECT count(*) FROM sessions`) != 0 {
		t.Fatalf("a new device signed in without a code: %+v", got)
	}
	if got := h.purposeOf(got.Step.Code.ID); got != "device" {
		t.Errorf("the code is for %s", got)
	}
	code := h.codeOf(got.Step)
	thief, _ := onDevice("thief", d, "")
	_, err = h.FinishSignIn(t.Context(), thief, got.Step.Ticket, code, []byte("t"))
	want(t, "the code on another device", err, ErrSignInGone)
	_, err = h.FinishSignIn(t.Context(), c, got.Step.Ticket, code, []byte("t"))
	must(t, err)
	if h.attempts(d) != 0 {
		t.Errorf("%d attempts after the code", h.attempts(d))
	}
	owner := h.deviceSession("phone", []byte("t"))
	devices, err := h.Devices(t.Context(), owner)
	if must(t, err); len(devices) != 1 || devices[0].Name != "我的手机" || devices[0].Platform != "HarmonyOS 5" {
		t.Errorf("devices %+v", devices)
	}
	_, in = onDevice("phone", d, rightPassword1)
	if got, err := h.signIn(c, in); err != nil || got.Step != nil {
		t.Errorf("the known device: %+v, %v", got, err)
	}
	_, in = onDevice("phone", other, rightPassword1)
	if got, err := h.signIn(c, in); err != nil || got.Step == nil {
		t.Errorf("another person on the device: %+v, %v", got, err)
	}
}

// A known device does not replace the code that a password needs which is no secret.
func TestKnownDeviceIsNoSecret(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1)
	c, in := onDevice("phone", d, rightPassword1)
	got, err := h.signIn(c, in)
	must(t, err)
	_, err = h.FinishSignIn(t.Context(), c, got.Step.Ticket, h.codeOf(got.Step), []byte("t"))
	must(t, err)
	h.ahead.Add(int64(2 * time.Minute)) // until another code can be sent
	storetest.ProbeOf(h.db).MustExec(`UPDATE password_credentials SET state = 'must_change'`)
	if got, err := h.signIn(c, in); err != nil || got.Step == nil || h.purposeOf(got.Step.Code.ID) != "sign_in" {
		t.Errorf("signed in without a code: %+v, %v", got, err)
	}
}

// A device that its owner has ended is a new one. Its own session may end it, too.
func TestEndDevice(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1)
	signIn := func(key string) Caller {
		c, in := onDevice(key, d, rightPassword1)
		got, err := h.signIn(c, in)
		must(t, err)
		_, err = h.FinishSignIn(t.Context(), c, got.Step.Ticket, h.codeOf(got.Step), []byte(key))
		must(t, err)
		h.ahead.Add(int64(2 * time.Minute)) // until another code can be sent
		return h.deviceSession(key, []byte(key))
	}
	lost, mine := signIn("lost"), signIn("mine")
	devices, err := h.Devices(t.Context(), mine)
	if must(t, err); len(devices) != 2 {
		t.Fatalf("%d devices", len(devices))
	}
	for _, tt := range []struct {
		name   string
		caller Caller
		id     uuid.UUID
		want   *Error
		ended  int
	}{
		{"unknown", mine, uuid.New(), ErrDeviceGone, 0},
		{"without a link", Caller{}, devices[0].ID, ErrNotLinked, 0},
		{"lost", mine, devices[1].ID, nil, 1},
		{"again", mine, devices[1].ID, ErrDeviceGone, 0},
		{"itself", mine, devices[0].ID, nil, 1},
	} {
		ended, err := h.EndDevice(t.Context(), tt.caller, tt.id)
		if want(t, tt.name, err, tt.want); ended != tt.ended {
			t.Errorf("%s: %d sessions", tt.name, ended)
		}
	}
	for _, c := range []Caller{lost, mine} {
		if n := h.count(`SELECT count(*) FROM sessions WHERE token_digest = $1`, c.TokenDigest); n != 0 {
			t.Errorf("the session of %s is left", c.Device)
		}
	}
	c, in := onDevice("lost", d, rightPassword1)
	if got, err := h.signIn(c, in); err != nil || got.Step == nil {
		t.Errorf("the ended device: %+v, %v", got, err)
	}
}

// The names of a device are limited; the reply names the field.
func TestDeviceNames(t *testing.T) {
	t.Parallel()
	h := newSignInCentre(t)
	d := h.depositor(1)
	c, in := onDevice("phone", d, rightPassword1)
	in.Device.Name = strings.Repeat("机", maxDeviceName+1)
	_, err := h.signIn(c, in)
	if want(t, "long", err, ErrBadRequest); AsError(err).Fields[0].Field != "device_name" {
		t.Errorf("fields %+v", AsError(err).Fields)
	}
	in.Device.Name = " "
	if got := in.Device.signIn(true).Label.Name; got != "未命名的设备" {
		t.Errorf("a device without a name is %q", got)
	}
}
