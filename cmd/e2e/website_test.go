package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// TestWebsite walks through the centre's pages in Chromium, with a different person for each
// path.
func TestWebsite(t *testing.T) {
	t.Parallel()
	chromium, demo := startChromium(t), startDemo(t)
	open := func(t *testing.T, width, height int64) *sitePage { return openSite(t, chromium, demo, width, height) }
	t.Run("wide", func(t *testing.T) { open(t, 1920, 1080).walk(t, "1920-", "ok") })
	if testenv.Long() {
		t.Run("tablet", func(t *testing.T) { open(t, 768, 1024).walk(t, "768-", "suspended_account") })
	}
	t.Run("phone", func(t *testing.T) { open(t, 360, 740).walk(t, "360-", "face_fails") })
	t.Run("elder", func(t *testing.T) {
		p := open(t, 360, 740)
		p.press(t, "大字版", "登录")
		p.walk(t, "elder-", "mismatch")
	})
	t.Run("dark", func(t *testing.T) {
		p := open(t, 768, 1024)
		p.dark(t)
		p.look(t, "dark-sign-in")
		who := demo.person(t, "two_accounts")
		p.fill(t, "account_no", who.AccountNo)
		p.fill(t, "password", who.Password)
		p.press(t, "登录", "密码状态")
		p.look(t, "dark-home")
		p.goTo(t, "选择账户", "选择账户")
		p.look(t, "dark-accounts")
	})
	t.Run("no script", func(t *testing.T) {
		p := open(t, 768, 1024)
		_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		cmdtest.NoError(t, err)
		p.plain = true
		p.do(t, "load again", chromedp.Navigate(p.url))
		p.walk(t, "plain-", "new_phone")
	})
	t.Run("codes", func(t *testing.T) { open(t, 360, 740).walkCodes(t) })
	t.Run("codes, elder", func(t *testing.T) {
		p := open(t, 360, 740)
		p.press(t, "大字版", "登录")
		p.goTo(t, "忘记密码", "发送验证码")
		p.look(t, "elder-forgot-sms")
	})
	t.Run("keyboard", func(t *testing.T) { open(t, 1280, 800).walkByKeyboard(t, "passport") })
	t.Run("browser", func(t *testing.T) { open(t, 1280, 800).misuse(t, "legacy") })
	t.Run("phone and browser", func(t *testing.T) { open(t, 1280, 800).walkBeside(t, "locked_soon") })
}

// walk signs in, changes the password and looks at every page. No name takes no pictures.
func (p *sitePage) walk(t *testing.T, name, person string) {
	p.look(t, name+"sign-in")
	who := p.demo.person(t, person)
	p.fill(t, "id_number", who.IDNumber)
	p.fill(t, "password", "wrong")
	p.press(t, "登录", "登录信息不正确")
	p.look(t, name+"sign-in-refused")
	p.signIn(t, person)
	p.look(t, name+"home")
	p.goTo(t, "修改密码", "第1步")
	p.look(t, name+"change")
	p.fill(t, "old_password", who.Password)
	p.press(t, "下一步", "第2步")
	p.fill(t, "new_password", "abc")
	p.look(t, name+"new-password")
	p.fill(t, "again", "abc")
	p.press(t, "确认修改", "新密码不符合规则")
	p.look(t, name+"new-password-refused")
	p.fill(t, "new_password", "Thistle-Meadow-15")
	p.fill(t, "again", "Thistle-Meadow-15")
	p.press(t, "确认修改", "新密码已生效")
	p.look(t, name+"done")
	p.goTo(t, "办理记录", "密码修改成功")
	p.look(t, name+"record")
	p.goTo(t, "我的信息", "密码和登录")
	p.look(t, name+"data")
	p.goTo(t, "我的同意：查看和撤回", "您还没有选择")
	p.press(t, "同意", "您已同意")
	p.press(t, "撤回同意", "您不同意")
	p.look(t, name+"consents")
	p.goTo(t, "我的密码", "密码状态")
	p.goTo(t, "忘记原密码，重设", "重置码")
	p.look(t, name+"reset")
	p.goTo(t, "我的密码", "密码状态")
	p.goTo(t, "冻结密码", "怀疑有人知道您的密码")
	p.look(t, name+"freeze")
	p.press(t, "立即冻结", "密码已冻结")
	p.look(t, name+"frozen")
	p.goTo(t, "忘记密码", "重置码")
	p.look(t, name+"forgot")
}

// walkCodes signs in with an initial password and resets a forgotten one, with codes of the
// simulated gateway.
func (p *sitePage) walkCodes(t *testing.T) {
	who := p.demo.person(t, "initial")
	p.fill(t, "id_number", who.IDNumber)
	p.fill(t, "password", who.IDNumber[12:])
	p.press(t, "登录", "短信验证码")
	p.look(t, "code")
	p.fill(t, "code", p.demo.sms(t, who.Phone))
	p.press(t, "确认", "初始密码，尚未修改")
	p.look(t, "home-initial")
	p.press(t, "退出登录", "您已安全退出")

	who = p.demo.person(t, "two_accounts_2")
	p.goTo(t, "忘记密码", "发送验证码")
	p.look(t, "forgot-sms")
	p.fill(t, "name", who.Name)
	p.fill(t, "id_number", who.IDNumber)
	p.fill(t, "account_no", who.AccountNo)
	p.press(t, "发送验证码", "如果姓名和证件号码")
	p.look(t, "forgot-code")
	p.fill(t, "code", p.demo.sms(t, who.Phone))
	p.press(t, "确认", "设置新密码")
	p.fill(t, "new_password", "Thistle-Meadow-15")
	p.fill(t, "again", "Thistle-Meadow-15")
	p.press(t, "确认修改", "新密码已生效")
	p.look(t, "reset-done")
}

// walkByKeyboard changes a password without a pointer. Focus is always visible and follows the
// order of the page.
func (p *sitePage) walkByKeyboard(t *testing.T, person string) {
	who := p.demo.person(t, person)
	p.keys(t, "\t")
	p.focused(t, "跳到正文")
	p.keys(t, "\r")
	p.keys(t, "\t")
	p.focused(t, "id_type")
	p.keys(t, "护") // a select takes the first letters
	p.tabTo(t, "id_number")
	p.keys(t, who.IDNumber)
	p.tabTo(t, "password")
	p.keys(t, who.Password)
	p.focused(t, "password")
	p.keys(t, "\r")
	p.shows(t, "密码状态")
	p.tabTo(t, "修改密码")
	p.keys(t, "\r")
	p.shows(t, "第1步")
	p.tabTo(t, "old_password")
	p.keys(t, who.Password+"\r")
	p.shows(t, "第2步")
	p.tabTo(t, "new_password")
	p.keys(t, "abc\t\tabc\r")
	p.shows(t, "新密码不符合规则")
	p.focused(t, "problem") // is read out and reached first
	p.tabTo(t, "new_password")
	p.keys(t, "Thistle-Meadow-15\t\tThistle-Meadow-15\r")
	p.shows(t, "新密码已生效")
}

// misuse does what browsers allow: back, two clicks, two tabs, a session that ends in another
// tab, and a form without its cookie.
func (p *sitePage) misuse(t *testing.T, person string) {
	who := p.demo.person(t, person)
	second := p.tab(t)
	second.do(t, "open", chromedp.Navigate(second.url))
	p.signIn(t, person)
	second.signIn(t, person) // its form is of before
	p.goTo(t, "修改密码", "第1步")
	p.fill(t, "old_password", who.Password)
	p.press(t, "下一步", "第2步")
	p.fill(t, "new_password", "Thistle-Meadow-15")
	p.fill(t, "again", "Thistle-Meadow-15")
	p.do(t, "two clicks", chromedp.DoubleClick(`//button[normalize-space()="确认修改"]`))
	p.shows(t, "新密码已生效")
	p.do(t, "back", chromedp.NavigateBack())
	p.shows(t, "新密码已生效") // the page of the change says what became of it
	p.goTo(t, "返回我的密码", "密码状态")
	p.goTo(t, "办理记录", "密码修改成功")
	if n := must[int](t, p.browser, `document.body.innerText.split("密码修改成功").length - 1`); n != 1 {
		t.Errorf("changed %d times", n)
	}

	p.goTo(t, "我的密码", "密码状态")
	p.goTo(t, "冻结密码", "怀疑有人知道您的密码")
	second.do(t, "reload", chromedp.Reload())
	second.press(t, "退出登录", "您已安全退出")
	p.press(t, "立即冻结", "登录") // of the session that has ended
	second.do(t, "back", chromedp.NavigateBack())
	second.shows(t, "证件号码") // and not the page of who was signed in
	p.fill(t, "id_number", who.IDNumber)
	_, err := chromedp.Call(p.ctx, network.ClearBrowserCookies, chromedp.Void{})
	cmdtest.NoError(t, err)
	p.fill(t, "password", "Thistle-Meadow-15")
	p.press(t, "登录", "刚才填写的内容没有提交")
	p.look(t, "form-expired")
	if typed := must[string](t, p.browser, `document.getElementById("id_number").value + document.getElementById("password").value`); typed != "" {
		t.Error("the page keeps what was typed")
	}
}

// walkBeside begins a change in the browser, which the mini-program sees and whose session it
// ends.
func (p *sitePage) walkBeside(t *testing.T, person string) {
	who := p.demo.person(t, person)
	phone := p.demo.client()
	logIn(t, phone, person)
	if a := mustPost(t, phone, "/v1/link", linkOf(who, who.Password)); a.Code != "OK" {
		t.Fatalf("not linked: %s", a.Raw)
	}
	p.do(t, "open", chromedp.Navigate(p.url))
	p.fill(t, "account_no", who.AccountNo)
	p.fill(t, "password", who.Password)
	p.press(t, "登录", "密码状态")
	p.goTo(t, "修改密码", "第1步")
	p.fill(t, "old_password", who.Password)
	p.press(t, "下一步", "第2步")
	a, err := phone.Get(t.Context(), "/v1/password")
	cmdtest.NoError(t, err)
	if open, _ := a.Object()["open_change"].(map[string]any); open["channel"] != "website" || open["id"] != nil {
		t.Errorf("the phone sees %s", a.Raw)
	}
	if a := mustPost(t, phone, "/v1/password/changes", apiclient.Fields{"id_number": who.IDNumber, "old_password": who.Password}); a.Code != "CHANGE_IN_PROGRESS" {
		t.Errorf("a second change on the phone: %s", a.Raw)
	}
	p.fill(t, "new_password", "Thistle-Meadow-15")
	p.fill(t, "again", "Thistle-Meadow-15")
	p.press(t, "确认修改", "1个登录已退出")
	if a, err := phone.Get(t.Context(), "/v1/password"); err != nil || a.Code != "SESSION_EXPIRED" {
		t.Errorf("the phone's session: %s %v", a.Raw, err)
	}
	logIn(t, phone, person)
	a, err = phone.Get(t.Context(), "/v1/events")
	if cmdtest.NoError(t, err); !strings.Contains(string(a.Raw), `"channel":"website"`) {
		t.Errorf("the record on the phone: %s", a.Raw)
	}
}
