package website_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// A form that is sent twice at once is done once, and both get the answer.
func TestDoubleSubmit(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	path := b.openChange(c)
	f := fields("form", b.get(path).token(t, path), "new_password", newPassword, "again", newPassword)
	var both sync.WaitGroup
	for range 5 {
		both.Go(func() { b.post(path, f).leads(t, path) })
	}
	both.Wait()
	if n := h.count(`SELECT count(*) FROM events WHERE kind = $1`, store.EventPasswordChanged); n != 1 {
		t.Errorf("changed %d times", n)
	}
	sign := h.browser()
	c.Password = newPassword
	f = fields(signInFields(c, "wrong")...)
	f.Set("form", sign.get("/sign-in").token(t, "/sign-in"))
	first := sign.post("/sign-in", f).want(t, 403)
	if again := sign.post("/sign-in", f).want(t, 403); again.Body != first.Body {
		t.Error("the second answer differs")
	}
	if n := h.count(`SELECT attempts FROM lockouts WHERE scope = 'public' AND person_digest = $1`, h.db.PersonDigest(c.DocumentKey)); n != 1 {
		t.Errorf("%d attempts were charged", n)
	}
	f = fields(signInFields(c, newPassword)...)
	f.Set("form", first.token(t, "/sign-in"))
	cookie := sign.post("/sign-in", f).leads(t, "/").Header["Set-Cookie"]
	if again := sign.post("/sign-in", f).leads(t, "/").Header["Set-Cookie"]; again[0] != cookie[0] || !strings.HasPrefix(cookie[0], "__Host-session=") {
		t.Errorf("the second sign-in got another session: %s, %s", cookie, again)
	}
}

// Two tabs of one browser: each form works, and a form of a session that has ended leads to the
// sign-in.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	one, two := b.get("/sign-in"), b.get("/sign-in")
	b.submit(one, "/sign-in", signInFields(c, c.Password)...).leads(t, "/")
	b.submit(two, "/sign-in", signInFields(c, c.Password)...).leads(t, "/")
	if n := h.count(`SELECT count(*) FROM sessions`); n != 1 {
		t.Errorf("%d sessions of one browser", n)
	}
	one, two = b.get("/password/change"), b.get("/")
	b.submit(two, "/sign-out").leads(t, "/sign-in?why=out")
	b.submit(one, "/password/change", "old_password", c.Password).leads(t, "/sign-in")
	b.signIn(c)
	b.submit(one, "/password/change", "old_password", c.Password).want(t, 403, "没有提交", "原密码") // of the former session
	one = b.get("/password/change")
	must(t, h.db.EndSession(t.Context(), b.sessionDigest()))
	b.submit(one, "/password/change", "old_password", c.Password).leads(t, "/sign-in?why=ended")
}

// A form that is too old, or whose browser keeps no cookies, is shown again, empty.
func TestExpiredForm(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	page := b.get("/sign-in")
	h.ahead.Add(int64(61 * time.Minute))
	fresh := b.submit(page, "/sign-in", signInFields(c, c.Password)...).want(t, 403, "没有提交")
	if strings.Contains(fresh.Body, c.Person.IDNumber) || strings.Contains(fresh.Body, c.Password) {
		t.Error("the page keeps what was typed")
	}
	b.submit(fresh, "/sign-in", signInFields(c, c.Password)...).leads(t, "/")
	deaf := h.browser()
	page = deaf.get("/sign-in")
	deaf.http.Jar = nil
	deaf.submit(page, "/sign-in", signInFields(c, c.Password)...).want(t, 403, "Cookie")
	if n := h.count(`SELECT count(*) FROM lockouts WHERE scope = 'public' AND attempts > 0`); n != 0 {
		t.Error("an attempt was charged")
	}
}

// Large type is remembered and returns to the page, and to nothing else.
func TestView(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	b := h.browser()
	b.post("/view", fields("view", "elder", "here", "/forgot")).leads(t, "/forgot")
	if v := b.get("/forgot").want(t, 200, "标准版"); !strings.Contains(v.Body, `class="elder"`) {
		t.Error("not large")
	}
	b.post("/view", fields("view", "standard", "here", "/password/change/"+uuid.NewString())).want(t, http.StatusSeeOther)
	if v := b.get("/forgot").want(t, 200, "大字版"); strings.Contains(v.Body, `class="elder"`) {
		t.Error("still large")
	}
	for _, to := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "/%2fevil", "", "javascript:alert(1)", "/a//evil.example", "/sign-in?x=1", "\thttps://evil.example"} {
		v := b.post("/view", fields("view", "elder", "here", to))
		if v.Status != http.StatusBadRequest && v.To != "/" {
			t.Errorf("%q leads to %q", to, v.To)
		}
	}
}

// What is not to be seen is in no page, log or URL.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	seen := b.get("/").Body + b.get("/data").Body + b.get("/accounts").Body + b.get("/record").Body
	for _, secret := range []string{c.Person.IDNumber, c.Person.AccountNo, c.Person.Phone, c.Person.Name, c.Password} {
		if strings.Contains(seen, secret) || strings.Contains(h.logs.String(), secret) {
			t.Errorf("%s is shown or logged", secret)
		}
	}
}

// Outside its service hours the site still lets owners sign in and freeze, and says when it
// opens.
func TestClosedChannel(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	now := h.db.Now().In(time.FixedZone("", 8*3600))
	minute := now.Hour()*60 + now.Minute()
	order := store.ChannelOrder{Channel: store.ChannelWebsite, Action: store.ActionChannelHours, Operator: "operator", Reason: "test"}
	_, err := h.db.Registry().ChangeChannel(t.Context(), order, func(e *store.ChannelEntry) error {
		e.Opens, e.Closes = (minute+120)%1440, (minute+240)%1440
		return nil
	})
	must(t, err)
	h.ahead.Add(int64(10 * time.Second)) // the registry is read anew
	b := h.browser()
	b.signIn(c)
	b.get("/").want(t, 200, "我的密码")
	v := b.get("/password/change").want(t, 503, "服务时间")
	if v.Header.Get("Retry-After") == "" {
		t.Error("no time to come back")
	}
	b.submit(b.get("/freeze"), "/freeze").leads(t, "/sign-in?why=frozen")
	_, err = h.db.Registry().SwitchOff(t.Context(), store.ChannelOrder{Channel: store.ChannelWebsite, Action: store.ActionChannelOff, Operator: "operator", Reason: "test"}, true)
	must(t, err)
	h.ahead.Add(int64(10 * time.Second))
	b.get("/sign-in").want(t, 503)
}
