package website_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"fundpass/miniapp-api/website/captcha"
	"fundpass/store"
)

var (
	captchaToken = regexp.MustCompile(`name="captcha" value="([^"]*)"`)
	captchaMedia = regexp.MustCompile(`src="(/captcha/[^"]*)"`)
)

// solve returns the solution of the captcha on a page, and its token.
func (b *browser) solve(page view) (solution, token string) {
	b.h.t.Helper()
	m := captchaToken.FindStringSubmatch(page.Body)
	if m == nil {
		b.h.t.Fatalf("no captcha:\n%s", page.text())
	}
	token = html.UnescapeString(m[1])
	digits, err := b.h.db.OpenOneTime(store.OneTimeCaptcha, b.visit(), token)
	must(b.h.t, err)
	return strings.Map(func(r rune) rune { return r + '0' }, string(digits)), token
}

// visit returns the digest by which the site recognises the browser.
func (b *browser) visit() []byte {
	for _, c := range b.cookies() {
		if c.Name == "__Host-visit" {
			return digest(c.Value)
		}
	}
	b.h.t.Fatal("no visit")
	return nil
}

// suspicious returns the sign-in page of a browser that has tried three people.
func (b *browser) suspicious() view {
	b.h.t.Helper()
	page := b.get("/sign-in")
	for range 3 {
		if strings.Contains(page.Body, "captcha") {
			b.h.t.Fatal("a captcha too early")
		}
		page = b.submit(page, "/sign-in", signInFields(b.h.citizen(), "wrong-password")...).want(b.h.t, 403, "登录信息不正确")
	}
	return page.want(b.h.t, 403, "图形验证码")
}

// After three people a captcha is asked for. Without the right answer nobody's password is
// checked, even the right one; with it everything is as before.
func TestCaptcha(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	page := b.suspicious()
	charged := func() int { return h.count(`SELECT coalesce(sum(attempts), 0) FROM lockouts`) }
	before := charged()
	try := func(name, answer, token string, status int) view {
		t.Helper()
		v := b.submit(page, "/sign-in", append(signInFields(c, c.Password), captcha.FieldToken, token, captcha.FieldAnswer, answer)...)
		if v.Status != status {
			t.Fatalf("%s: %d %s", name, v.Status, v.text())
		}
		return v
	}
	page = b.submit(page, "/sign-in", signInFields(c, c.Password)...).want(t, 403, "图形验证码不对")
	solution, token := b.solve(page)
	page = try("wrong", "0"+solution, token, 403).want(t, 403, "图形验证码不对", "请输入这张新图")
	page = try("right, but used up", solution, token, 403)
	_, token = b.solve(page)
	page = try("of another captcha", solution+"1", token, 403)
	solution, _ = b.solve(page)
	page = try("without its token", solution, "", 403)
	other := h.browser()
	solution, token = other.solve(other.suspicious())
	page = try("of another browser", solution, token, 403)
	if n := charged(); n != before+3 { // by the other browser
		t.Errorf("%d attempts were charged", n-before)
	}
	if strings.Contains(page.Body, c.Password) || !strings.Contains(page.Body, c.Person.IDNumber) {
		t.Error("the page shows the password, or loses the document")
	}
	solution, token = b.solve(page)
	try("right", solution, token, http.StatusSeeOther).leads(t, "/")
	b.get("/").want(t, 200, "我的密码")
}

// The button for another captcha needs no script, keeps what was typed and charges nothing.
func TestAnotherCaptcha(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	page := b.suspicious()
	_, first := b.solve(page)
	next := b.submit(page, "/sign-in", append(signInFields(c, c.Password), captcha.FieldToken, first, captcha.FieldAnswer, "", captcha.FieldAgain, "yes")...).want(t, 200)
	if strings.Contains(next.text(), "不对") || !strings.Contains(next.Body, c.Person.IDNumber) {
		t.Errorf("the page complains or is empty:\n%s", next.text())
	}
	solution, second := b.solve(next)
	if first == second {
		t.Error("the same captcha")
	}
	b.submit(next, "/sign-in", append(signInFields(c, c.Password), captcha.FieldToken, second, captcha.FieldAnswer, solution)...).leads(t, "/")
}

// The image and the sound are for the browser whose page shows them.
func TestCaptchaMedia(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	b := h.browser()
	all := captchaMedia.FindAllStringSubmatch(b.suspicious().Body, -1)
	if len(all) != 2 {
		t.Fatalf("%q", all)
	}
	for _, m := range all {
		path := html.UnescapeString(m[1])
		if v := b.get(path).want(t, 200); v.Header.Get("Content-Type") != "image/png" && v.Header.Get("Content-Type") != "audio/wav" || v.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, v.Header)
		}
		h.browser().get(path).want(t, 404)
	}
	if strings.Contains(h.logs.String(), "t=") {
		t.Error("a token is logged")
	}
}

// The form for a forgotten password, at which codes are tried, asks for a captcha, too.
func TestCaptchaForForgotten(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.suspicious()
	page := b.get("/forgot").want(t, 200, "图形验证码")
	form := []string{"name", c.Person.Name, "id_type", "01", "id_number", c.Person.IDNumber, "account_no", "", "code", "0123456789"}
	page = b.submit(page, "/forgot", form...).want(t, 403, "图形验证码不对")
	solution, token := b.solve(page)
	b.submit(page, "/forgot", append(form, captcha.FieldToken, token, captcha.FieldAnswer, solution)...).want(t, 403, "重置码不正确")
}
