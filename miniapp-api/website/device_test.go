package website_test

import (
	"testing"

	"github.com/google/uuid"

	"fundpass/store"
)

// Who has lost the phone ends it on the website, with the sessions of the app on it.
func TestEndDevice(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, other := h.citizen(), h.citizen()
	account, err := h.db.RecoverableAccount(t.Context(), h.db.PersonDigest(c.DocumentKey), "")
	must(t, err)
	must(t, h.db.SignIn(t.Context(), store.SignIn{Channel: store.ChannelApp, TokenDigest: []byte(uuid.NewString()), Account: *account,
		Device: &store.SignInDevice{Thumbprint: []byte("phone"), Label: store.DeviceLabel{Name: "丢失的手机"}, Add: true}}))
	b, stranger := h.browser(), h.browser()
	b.signIn(c)
	stranger.signIn(other)
	page := b.get("/data").want(t, 200, "丢失的手机", "移除")
	devices, err := h.db.Devices(t.Context(), h.session(b))
	must(t, err)
	path := "/devices/" + devices[0].ID.String() + "/end"
	again := b.get("/data")

	stranger.post(path, fields("form", stranger.get("/data").token(t, "/sign-out"))).want(t, 403) // the token of another form
	if n := h.count(`SELECT count(*) FROM devices WHERE ended_at IS NULL`); n != 1 {
		t.Fatalf("%d devices", n)
	}
	b.submit(page, path).leads(t, "/data")
	b.get("/data").want(t, 200, "已移除")
	b.get("/record").want(t, 200, "手机应用的登录设备已移除")
	if n := h.count(`SELECT count(*) FROM sessions WHERE device_jkt IS NOT NULL`); n != 0 {
		t.Errorf("%d sessions on the device", n)
	}
	b.submit(again, path).want(t, 404, "该设备已经移除")
}

// session returns the session of a browser.
func (h *env) session(b *browser) store.Session {
	h.t.Helper()
	s, err := h.db.Session(h.t.Context(), b.sessionDigest())
	must(h.t, err)
	return s
}
