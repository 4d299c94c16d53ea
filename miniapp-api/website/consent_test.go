package website_test

import (
	"strings"
	"testing"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A citizen sees what the centre asks them for, answers, and withdraws. The texts are those of
// the website, and a withdrawn consent ends the notices by SMS, but no codes.
func TestConsents(t *testing.T) {
	t.Parallel()
	h := newEnv(t, func(c *selfservice.Config) { c.ConsentTexts = alipay.DefaultConsents() })
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	b.get("/data").want(t, 200, "我的同意")
	page := b.get("/consents").want(t, 200, "您还没有选择", "发短信", "没有记录")
	if text, _, _ := strings.Cut(page.text(), "同意记录"); strings.Contains(text, "支付宝") {
		t.Errorf("a text of another channel:\n%s", text)
	}
	answer := func(answer string) {
		b.submit(page, "/consents", "purpose", "message", "version", "1", "answer", answer).leads(t, "/consents")
		page = b.get("/consents")
	}
	answer("yes")
	page.want(t, 200, "您已同意", "撤回同意", "单独同意")
	answer("no")
	page.want(t, 200, "您不同意，不再发送", "撤回于")
	b.get("/record").want(t, 200, "不再接收消息提醒")

	path := b.openChange(c)
	b.submit(b.get(path), path, "new_password", newPassword, "again", newPassword).leads(t, path)
	if n := h.count(`SELECT count(*) FROM outbox`); n != 0 {
		t.Errorf("%d notices after the withdrawal", n)
	}
	answer("yes")
	page.want(t, 200, "您已同意")
	if n := h.count(`SELECT count(*) FROM consents`); n != 2 {
		t.Errorf("%d consents, want both as evidence", n)
	}
}

// An answer to another text, to none or of no kind is refused.
func TestHostileConsents(t *testing.T) {
	t.Parallel()
	h := newEnv(t, func(c *selfservice.Config) { c.ConsentTexts = alipay.DefaultConsents() })
	b := h.browser()
	b.signIn(h.citizen())
	for _, tt := range []struct {
		purpose, version, answer string
		status                   int
		text                     string
	}{
		{"message", "0", "yes", 409, "说明内容已更新"},
		{"message", "", "yes", 400, ""},
		{"face", "1", "yes", 400, ""}, // a text of Alipay's users
		{"link", "1", "no", 400, ""},
		{"", "1", "no", 400, ""},
		{"message", "1", "maybe", 400, "格式不正确"},
	} {
		page := b.get("/consents")
		b.submit(page, "/consents", "purpose", tt.purpose, "version", tt.version, "answer", tt.answer).want(t, tt.status, tt.text)
	}
	if n := h.count(`SELECT count(*) FROM consents`); n != 0 {
		t.Errorf("%d consents", n)
	}
	b.post("/consents", fields("purpose", "message", "version", "1", "answer", "no")).want(t, 400)
	h.browser().get("/consents").leads(t, "/sign-in")
}

// A centre without SMS asks for nothing, and one with texts of its own shows them.
func TestConsentsOfTheCentre(t *testing.T) {
	t.Parallel()
	mute := newEnv(t, func(c *selfservice.Config) { c.SMS = false })
	b := mute.browser()
	b.signIn(mute.citizen())
	b.get("/consents").want(t, 200, "现在没有需要您决定的事项")

	own := newEnv(t, func(c *selfservice.Config) {
		c.ConsentTexts = append(alipay.DefaultConsents(), selfservice.ConsentText{Provider: store.ProviderCentre, Purpose: "message", Version: "7", Text: "我要短信"})
	})
	b = own.browser()
	b.signIn(own.citizen())
	b.submit(b.get("/consents").want(t, 200, "我要短信"), "/consents", "purpose", "message", "version", "7", "answer", "yes").leads(t, "/consents")
}
