package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// walkDemoPage looks at what is beside the phone, in both languages and on every screen.
func walkDemoPage(t *testing.T, chromium context.Context, d *runningDemo) {
	open := func(t *testing.T, query string, width, height int64) *browser {
		b := openPage(t, chromium, d.URL+query, width, height)
		b.demo = d
		return b
	}
	for _, lang := range []string{"zh", "en"} {
		for width, layout := range map[int64]func(*testing.T, *browser, string){375: sheetLayout, 1024: twoColumns, 1440: threeColumns} {
			name := fmt.Sprintf("demo-%s-%d", lang, width)
			t.Run(name, func(t *testing.T) {
				b := open(t, "/?lang="+lang, width, 812)
				b.selectPerson(t, "face_fails")
				b.do(t, "top", chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
				b.checkPage(t, name)
				layout(t, b, name)
			})
		}
	}
	t.Run("language", func(t *testing.T) { checkLanguages(t, open(t, "/", 1440, 900)) })
	t.Run("requests", func(t *testing.T) { open(t, "/?lang=en", 1440, 900).checkRequests(t) })
	t.Run("typing on a phone", func(t *testing.T) { open(t, "/?lang=zh", 375, 812).checkTyping(t) })
	t.Run("counter", func(t *testing.T) { open(t, "/?lang=en", 1440, 900).checkCounter(t) })
}

// sheetLayout: on a phone the people and the requests come as a sheet over the phone.
func sheetLayout(t *testing.T, b *browser, name string) {
	if must[bool](t, b, `document.getElementById("people").checkVisibility()`) {
		t.Error("the people are beside the phone")
	}
	for _, panel := range []string{"people", "requests"} {
		b.openPanel(t, panel)
		b.checkPage(t, name+"-"+panel)
		b.do(t, "close", chromedp.Click("#sheet-close"), chromedp.WaitNotVisible("#sheet"))
	}
	b.openPanel(t, "people")
	if !must[bool](t, b, `document.querySelector("#sheet a[href='/docs']").checkVisibility()`) {
		t.Error("no way to the documentation")
	}
	b.do(t, "choose", chromedp.Click(`#list button[data-person=passport]`), chromedp.WaitNotVisible("#sheet"))
}

// twoColumns: the phone, and beside it the people above the requests.
func twoColumns(t *testing.T, b *browser, _ string) {
	b.holds(t, `phone.right <= people.left && people.left === requests.left && people.bottom <= requests.top`)
	b.staysInView(t)
}

func threeColumns(t *testing.T, b *browser, _ string) {
	b.holds(t, `people.right <= phone.left && phone.right <= requests.left && people.top === requests.top`)
	b.staysInView(t)
}

// holds evaluates a condition about the rectangles of the panels and the phone.
func (b *browser) holds(t *testing.T, condition string) {
	t.Helper()
	if !must[bool](t, b, `(() => {
		const [people, phone, requests] = ["people", "phone", "requests"].map((id) => document.getElementById(id).getBoundingClientRect());
		return document.documentElement.scrollWidth <= innerWidth && (`+condition+`);
	})()`) {
		t.Errorf("the layout is not: %s", condition)
	}
}

// staysInView scrolls to the end of the page, where the phone is still whole.
func (b *browser) staysInView(t *testing.T) {
	t.Helper()
	b.holds(t, `scrollY === 0 && phone.bottom <= innerHeight`)
	b.do(t, "scroll", chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.documentElement.scrollHeight)`))
	b.holds(t, `scrollY > 100 && phone.top >= 0 && phone.bottom <= innerHeight`)
}

// checkLanguages: the browser's first language, unless the address names one.
func checkLanguages(t *testing.T, b *browser) {
	for _, tt := range []struct{ accepts, query, lang, title string }{
		{"zh-CN,zh", "/", "zh-CN", "fundpass 演示"}, {"de,en", "/", "en", "fundpass demo"}, {"fr", "/", "en", "fundpass demo"},
		{"zh-CN", "/?lang=en", "en", "fundpass demo"}, {"en-US", "/?lang=zh", "zh-CN", "fundpass 演示"}, {"en-US", "/?lang=xx", "en", "fundpass demo"},
	} {
		_, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "test", AcceptLanguage: tt.accepts})
		cmdtest.NoError(t, err)
		b.do(t, "open", chromedp.Navigate(b.demo.URL+tt.query), chromedp.WaitReady("html[data-ready=yes]"))
		if got := must[string](t, b, `document.documentElement.lang + " " + document.title`); got != tt.lang+" "+tt.title {
			t.Errorf("%s%s: %s", tt.accepts, tt.query, got)
		}
	}
	b.do(t, "the other language", chromedp.Click("#other"), chromedp.WaitReady(`html[data-ready=yes][lang="zh-CN"]`))
}

// checkRequests opens what was sent and received. Nothing secret is shown, and curl repeats it.
func (b *browser) checkRequests(t *testing.T) {
	who := b.demo.person(t, "face_fails")
	b.openUnlinked(t, "face_fails")
	b.tap(t, "去绑定", "确认绑定")
	b.fill(t, "姓名", who.Name)
	b.fill(t, "证件号码", who.IDNumber)
	b.fill(t, "公积金密码", "Not-The-Right-One")
	b.tap(t, "确认绑定", "信息核对未通过")
	b.do(t, "open all", chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async (text) => { window.copied = text; };
		for (const e of document.querySelectorAll("#calls summary")) e.click()`), chromedp.WaitReady("#calls details:last-child[open] pre"))
	b.checkPage(t, "demo-requests")
	text := must[string](t, b, `document.getElementById("calls").textContent`)
	for _, want := range []string{"POST /v1/link", "LINK_REFUSED", "Request id ", "idempotency-key: ", "authorization: Bearer ••••••", `"password": "••••••"`, `"token": "••••••"`, "HTTP 200", who.IDNumber} {
		if !strings.Contains(text, want) {
			t.Errorf("the requests lack %s", want)
		}
	}
	if strings.Contains(text, "Not-The-Right-One") || strings.Contains(strings.ReplaceAll(text, "Bearer $TOKEN", ""), "Bearer e") {
		t.Errorf("something secret is shown:\n%s", text)
	}
	b.do(t, "copy", chromedp.Click(`#calls details:first-child button`), chromedp.WaitReady(`//details[1]//button[.="Copied"]`))
	b.checkCurl(t, must[string](t, b, `window.copied`))
}

// checkCurl runs the copied command in a shell.
func (b *browser) checkCurl(t *testing.T, command string) {
	curl := testenv.Program(t, "apt-get install curl", "curl")
	session := b.demo.client()
	logIn(t, session, "no_account")
	c := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "curl", curl, 1))
	c.Env = append(os.Environ(), "TOKEN="+session.Token, "PASSWORD=Quote's-Not")
	out, err := c.Output()
	if err != nil || !strings.Contains(string(out), `"code":"CONSENT_REQUIRED"`) && !strings.Contains(string(out), `"code":"LINK_REFUSED"`) {
		t.Errorf("%v: %s\n%s", err, out, command)
	}
}

// checkCounter plays the clerk, and sees the phone follow.
func (b *browser) checkCounter(t *testing.T) {
	who := b.demo.person(t, "face_fails")
	act := func(name, said string) {
		t.Helper()
		b.do(t, name, chromedp.Click(fmt.Sprintf(`//*[@id="person"]//button[.=%q]`, name)),
			chromedp.WaitReady(fmt.Sprintf(`//*[@id="said"][contains(., %q)]`, said)))
	}
	p := b.demo.client()
	logIn(t, p, "face_fails")
	mustPost(t, p, "/v1/link", linkOf(who, who.Password))
	b.selectPerson(t, "face_fails")
	b.tap(t, "我的密码", "会员标识")
	b.tap(t, "同意", "密码状态")
	act("Freeze the account", "frozen")
	b.do(t, "the phone sees it", b.waitFor("账户已冻结"))
	b.checkPage(t, "demo-counter-frozen")
	act("Issue a reset code", "The counter refuses")
	act("Unfreeze", "normal")
	b.do(t, "the phone sees it", b.waitFor("修改密码"))
	act("Issue a reset code", "good for 30 minutes")
	b.tap(t, "忘记密码", "我有柜台的重置码")
	b.tap(t, "我有柜台的重置码", "使用重置码")
	b.do(t, "type the code", chromedp.Focus("#field-code"), chromedp.Click(`//*[@id="person"]/button[contains(., "Reset code")]`))
	b.checkPage(t, "demo-counter-code")
	b.tap(t, "使用重置码", "第二步")
	b.fill(t, "新密码", "Granite-Lilac-20")
	b.fill(t, "确认新密码", "Granite-Lilac-20")
	b.tap(t, "确认修改", "新密码设置成功")
	b.do(t, "the password now", chromedp.WaitReady(`//*[@id="person"]/button[contains(., "Password now") and contains(., "Granite-Lilac-20")]`))
	act("Move out", "moved out")
	act("Back to normal", "normal")
	act("Use another Alipay account", "another Alipay account")
	b.do(t, "the other phone", b.waitFor("公积金密码"))
	b.tap(t, "我的密码", "会员标识")
	b.tap(t, "同意", "去绑定")
	act("Back to the first Alipay", "first Alipay")
}

// checkTyping types a line of the sheet into the field that was touched before.
func (b *browser) checkTyping(t *testing.T) {
	b.openUnlinked(t, "face_fails")
	b.tap(t, "去绑定", "确认绑定")
	b.do(t, "touch", chromedp.Focus("#field-name"))
	b.openPanel(t, "people")
	b.do(t, "type", chromedp.Click("#person > button"), chromedp.WaitNotVisible("#sheet"))
	if got, want := must[string](t, b, `document.getElementById("field-name").value`), b.demo.person(t, "face_fails").Name; got != want {
		t.Errorf("typed %q, want %q", got, want)
	}
}
