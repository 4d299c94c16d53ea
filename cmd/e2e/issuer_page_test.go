package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/miniapp-api/document"
)

// The names on the pages of the demo's issuer.
const (
	issuerButton = "使用模拟省统一身份认证平台登录"
	issuerPage   = "请选择登录的人"
)

// TestIssuerPages signs people in at the demo's issuer in Chromium, which keeps the session's
// cookie from a redirect of another site.
func TestIssuerPages(t *testing.T) {
	t.Parallel()
	chromium, demo := startChromium(t), startDemo(t)
	open := func(t *testing.T, width, height int64) *sitePage { return openSite(t, chromium, demo, width, height) }
	t.Run("wide", func(t *testing.T) { open(t, 1280, 800).throughIssuer(t, "wide-", "new_phone") })
	t.Run("phone", func(t *testing.T) { open(t, 360, 740).throughIssuer(t, "360-", "passport") })
	t.Run("no script", func(t *testing.T) {
		p := open(t, 768, 1024)
		_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		cmdtest.NoError(t, err)
		p.plain = true
		p.throughIssuer(t, "plain-", "suspended_account")
	})
	t.Run("captcha", func(t *testing.T) { open(t, 1280, 800).captcha(t, "wide-") })
	t.Run("captcha in large type", func(t *testing.T) {
		p := open(t, 360, 740)
		p.press(t, "大字版", "登录")
		p.captcha(t, "elder-")
	})
	t.Run("captcha in the dark", func(t *testing.T) {
		p := open(t, 768, 1024)
		p.dark(t)
		p.captcha(t, "dark-")
	})
}

// throughIssuer cancels at the issuer, then signs in, and opens a page with the session.
func (p *sitePage) throughIssuer(t *testing.T, name, person string) {
	who := p.demo.person(t, person)
	p.goTo(t, issuerButton, issuerPage)
	p.screenshot(t, "site-"+name+"issuer")
	if !p.plain {
		p.checkAxe(t, name+"issuer")
	}
	p.press(t, "取消登录", "您没有完成统一身份认证平台的登录")
	p.forgetRequests()
	p.look(t, name+"issuer-denied")
	p.goTo(t, issuerButton, issuerPage)
	p.press(t, who.Name, "密码状态")
	if at := must[string](t, p.browser, `location.href`); at != p.url+"/" {
		t.Errorf("the address is %s", at)
	}
	p.goTo(t, "办理记录", "登录")
	p.forgetRequests()
	p.look(t, name+"issuer-record")
	if p.plain {
		return // going back waits for scripts
	}
	p.do(t, "back to the redirect", chromedp.NavigateBack(), chromedp.NavigateBack())
	p.do(t, "home", chromedp.Navigate(p.url))
	p.shows(t, "密码状态") // the code in the history is used up, and the session goes on
}

// forgetRequests forgets the addresses on the issuer's pages, which look would refuse.
func (p *sitePage) forgetRequests() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

// captcha tries three people in vain, and meets a captcha that can be seen, heard and replaced.
func (p *sitePage) captcha(t *testing.T, name string) {
	for i := range 3 {
		body := fmt.Sprintf("9901011956031%d%03d", i, len(name)*10+i)
		p.fill(t, "id_number", body+document.CheckDigit(body))
		p.fill(t, "password", "wrong")
		p.press(t, "登录", "登录信息不正确")
	}
	p.shows(t, "图形验证码")
	p.look(t, name+"captcha")
	p.do(t, "scroll", chromedp.ScrollIntoView("#captcha_answer"))
	p.screenshot(t, "site-"+name+"captcha-below")
	if seconds := must[float64](t, p.browser, `new Promise((resolve) => {
		const a = document.querySelector("audio");
		a.addEventListener("canplaythrough", () => a.muted = true && a.play().then(() => resolve(a.duration), () => resolve(-2)));
		a.addEventListener("error", () => resolve(-1));
		a.preload = "auto";
		a.load();
	})`); seconds < 5 || seconds > 60 {
		t.Errorf("the sound has %v s", seconds)
	}
	const image = `(() => { const i = document.querySelector(".captcha img"); return i.complete && i.naturalWidth === 240 ? i.src : ""; })()`
	first := must[string](t, p.browser, image)
	p.press(t, "换一个图形验证码", "图形验证码")
	second := must[string](t, p.browser, image)
	if first == "" || second == "" || first == second {
		t.Errorf("the images are %q and %q", first, second)
	}
	if typed := must[string](t, p.browser, `document.getElementById("id_number").value`); typed == "" {
		t.Error("the page has lost the document")
	}
	p.fill(t, "password", "wrong")
	p.fill(t, "captcha_answer", "1")
	p.press(t, "登录", "图形验证码不对或已过期")
	p.look(t, name+"captcha-wrong")
}
