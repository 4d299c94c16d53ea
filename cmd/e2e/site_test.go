package e2e

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/sms/smssim"
)

// A sitePage is a page of the website in Chromium.
type sitePage struct {
	*browser
	url   string
	plain bool // runs no scripts, not even those that check a page
}

// openSite opens the website of a demo in a new browser context of this size.
func openSite(t *testing.T, chromium context.Context, demo *runningDemo, width, height int64) *sitePage {
	t.Helper()
	ctx, end := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	p := &sitePage{browser: newBrowser(t, ctx), url: demo.find(t, `Website +(http://127\.0\.0\.1:\d+)/`)}
	p.demo = demo
	size := chromedp.EmulateViewport(width, height)
	if width < 700 {
		size = chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulatePortrait)
	}
	p.do(t, "open", size, chromedp.Navigate(p.url))
	p.shows(t, "登录")
	return p
}

// tab opens another tab of the same browser context.
func (p *sitePage) tab(t *testing.T) *sitePage {
	t.Helper()
	ctx, end := chromedp.NewContext(p.ctx)
	t.Cleanup(end)
	other := &sitePage{browser: newBrowser(t, ctx), url: p.url}
	other.demo = p.demo
	return other
}

// shows waits until a page that was loaded whole shows want. It asks from outside, because
// nothing waits inside a page without scripts.
func (p *sitePage) shows(t *testing.T, want string) {
	t.Helper()
	shown := fmt.Sprintf(`document.readyState === "complete" && !document.documentElement.dataset.left && document.body.innerText.includes(%q)`, want)
	end := time.Now().Add(testenv.Patience)
	for {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](shown)) // an error while the page is replaced
		if err == nil && ok {
			return
		}
		if time.Now().After(end) || p.ctx.Err() != nil {
			p.screenshot(t, "failed")
			text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
			t.Fatalf("the page does not show %s:\n%s", want, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// fill types into the field with that name.
func (p *sitePage) fill(t *testing.T, name, value string) {
	t.Helper()
	p.do(t, "fill "+name, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.getElementById(%q).value = ""; undefined`, name)), chromedp.SendKeys("#"+name, value))
}

// press clicks a button and waits until the next page shows want.
func (p *sitePage) press(t *testing.T, name, want string) {
	t.Helper()
	p.leave(t, fmt.Sprintf(`//button[normalize-space()=%q]`, name), want)
}

// goTo follows a link and waits until its page shows want.
func (p *sitePage) goTo(t *testing.T, name, want string) {
	t.Helper()
	p.leave(t, fmt.Sprintf(`//a[normalize-space()=%q]`, name), want)
}

func (p *sitePage) leave(t *testing.T, element, want string) {
	t.Helper()
	const mark = `document.documentElement.dataset.left = "yes"`
	p.do(t, "leave by "+element, chromedp.Evaluate[chromedp.Void](mark+"; undefined"), chromedp.ScrollIntoView(element), chromedp.Click(element, chromedp.NodeVisible))
	p.shows(t, want)
}

// signIn signs a person of the demo in.
func (p *sitePage) signIn(t *testing.T, person string) {
	t.Helper()
	who := p.demo.person(t, person)
	p.do(t, "kind", chromedp.SetValue("#id_type", who.IDType))
	p.fill(t, "id_number", who.IDNumber)
	p.fill(t, "password", who.Password)
	p.press(t, "登录", "密码状态")
}

// keys presses keys one after the other.
func (p *sitePage) keys(t *testing.T, keys string) {
	t.Helper()
	p.do(t, "keys", chromedp.KeyEvent(keys))
}

const focusName = `(document.activeElement.id || document.activeElement.innerText || document.activeElement.tagName).trim()`

// focused checks which element has the focus, and that it is visible.
func (p *sitePage) focused(t *testing.T, want string) {
	t.Helper()
	if got := must[string](t, p.browser, focusName); got != want {
		t.Fatalf("%q has the focus, want %q", got, want)
	}
}

// tabTo presses Tab until an element has the focus. Every element on the way has a visible
// outline.
func (p *sitePage) tabTo(t *testing.T, want string) {
	t.Helper()
	for range 40 {
		p.keys(t, "\t")
		if none := must[bool](t, p.browser, `getComputedStyle(document.activeElement).outlineStyle === "none"`); none {
			t.Errorf("%s shows no focus", must[string](t, p.browser, focusName))
		}
		if must[string](t, p.browser, focusName) == want {
			return
		}
	}
	t.Fatalf("Tab does not reach %s", want)
}

// look takes a picture and checks what every page must keep.
func (p *sitePage) look(t *testing.T, name string) {
	t.Helper()
	p.screenshot(t, "site-"+name)
	if !p.plain {
		p.checkPageWidth(t, name)
		p.checkSiteTargets(t, name)
		p.checkAxe(t, name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, message := range p.consoleErrors {
		t.Errorf("%s: the console says: %s", name, message)
	}
	p.consoleErrors = nil
	for _, address := range p.requests {
		if !strings.HasPrefix(address, p.url+"/") && !strings.HasPrefix(address, "data:") { // Chromium's own player has such icons, and the policy refuses others
			t.Errorf("%s: the page asks for %s", name, address)
		}
	}
}

// checkSiteTargets checks that targets have at least 44 pixels, 60 in elder mode, and text at
// least 16 pixels, 18 in elder mode.
func (p *sitePage) checkSiteTargets(t *testing.T, name string) {
	t.Helper()
	small := must[[]string](t, p.browser, `(() => {
		const elder = document.documentElement.classList.contains("elder");
		const inText = (e) => e.matches("p a, li a") && getComputedStyle(e).display === "inline";
		const low = [...document.querySelectorAll("button, input:not([type=hidden]), select, a, summary")]
			.filter((e) => e.checkVisibility() && !inText(e) && !e.matches(".skip"))
			.map((e) => [e.id || e.innerText, e.getBoundingClientRect()])
			.filter(([, r]) => r.height < (elder ? 60 : 44) || r.width < 44)
			.map(([label, r]) => label + " " + r.width + "x" + r.height);
		const tiny = [...document.querySelectorAll("body *")]
			.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < (elder ? 18 : 16))
			.map((e) => getComputedStyle(e).fontSize + " " + e.innerText);
		return [...low, ...tiny];
	})()`)
	slices.Sort(small)
	for _, s := range slices.Compact(small) {
		t.Errorf("%s: too small: %s", name, s)
	}
}

// sms waits for an SMS to a phone and returns the code in it.
func (d *runningDemo) sms(t *testing.T, phone string) (code string) {
	t.Helper()
	testenv.Eventually(t, "an SMS arrives", func() bool {
		a, err := d.client().Get(t.Context(), smssim.InboxPath+"?to="+phone)
		if err != nil {
			return false
		}
		code = regexp.MustCompile(`\b\d{6}\b`).FindString(string(a.Raw))
		return code != ""
	})
	return code
}
