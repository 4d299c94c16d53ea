package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
)

// A browser is a page of the demo in Chromium.
type browser struct {
	ctx           context.Context
	demo          *runningDemo // serves the page
	shots         string       // directory for screenshots, "" = none
	mu            sync.Mutex
	consoleErrors []string // what the console complained about
	requests      []string // addresses of what was asked for
}

// startChromium starts the Chromium that all pages share.
func startChromium(t *testing.T) context.Context {
	t.Helper()
	program := testenv.Program(t, "apt-get install chromium fonts-noto-cjk", "chromium", "chromium-browser", "google-chrome")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(testenv.Patience))
	allocated, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocated)
	t.Cleanup(end)
	cmdtest.NoError(t, chromedp.Do(ctx)) // starts it
	return ctx
}

// openPage opens url in a new browser context of this size. FUNDPASS_SHOTS names a
// directory for screenshots of every page.
func openPage(t *testing.T, chromium context.Context, url string, width, height int64) *browser {
	t.Helper()
	ctx, end := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	b := newBrowser(t, ctx)
	size := chromedp.EmulateViewport(width, height)
	if width < 800 {
		size = chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulatePortrait, chromedp.EmulateScale(2))
	}
	b.do(t, "open", size, chromedp.Navigate(url), chromedp.WaitReady("html[data-ready=yes]"))
	return b
}

// newBrowser returns the browser of a chromedp context.
func newBrowser(t *testing.T, ctx context.Context) *browser {
	t.Helper()
	b := &browser{ctx: ctx, shots: os.Getenv("FUNDPASS_SHOTS")}
	cmdtest.NoError(t, chromedp.Listen(ctx, b.listen))
	return b
}

// listen records the addresses of requests, script errors and violations of the content
// security policy. It ignores HTTP errors.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.consoleErrors = append(b.consoleErrors, e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			b.consoleErrors = append(b.consoleErrors, fmt.Sprint(e.ExceptionDetails.Exception))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			b.consoleErrors = append(b.consoleErrors, e.Entry.Text)
		}
	}
}

// do runs actions and ends the test if one fails.
func (b *browser) do(t *testing.T, what string, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, testenv.Patience)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.screenshot(t, "failed")
		text, _ := evaluate[string](b, `(document.getElementById("phone") ?? document.body).innerText`)
		t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

// evaluate runs a script and awaits its promise.
func evaluate[T any](b *browser, script string) (T, error) {
	ctx, stop := context.WithTimeout(b.ctx, testenv.Patience)
	defer stop()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// must is evaluate that ends the test on an error.
func must[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	v, err := evaluate[T](b, script)
	cmdtest.NoError(t, err)
	return v
}

// tap clicks the button with that name and waits until the phone shows want.
func (b *browser) tap(t *testing.T, name, want string) {
	t.Helper()
	button := fmt.Sprintf(`(//dialog[@open] | //*[@id="page"][not(//dialog[@open])])//button[normalize-space()=%q or @aria-label=%q]`, name, name)
	b.do(t, "tap "+name, b.waitFor(""), retryDetached(chromedp.Steps(chromedp.ScrollIntoView(button),
		chromedp.Sleep(100*time.Millisecond), // scrolling takes a frame or two
		chromedp.Click(button, chromedp.NodeVisible))), b.waitFor(want))
}

// retryDetached repeats an action if the page has replaced its node.
func retryDetached(a chromedp.Action[chromedp.Void]) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (v chromedp.Void, err error) {
		for ctx.Err() == nil {
			if v, err = a(ctx, target); err == nil || !strings.Contains(err.Error(), "Could not find node") {
				break
			}
		}
		return v, err
	}
}

// waitFor waits until the phone or a dialog shows want and nothing is loading.
func (b *browser) waitFor(want string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](fmt.Sprintf(`document.getElementById("dialog").open
		? document.getElementById("dialog").innerText.includes(%[1]q)
		: document.getElementById("page").innerText.includes(%[1]q)
			&& !document.querySelector("#page .loading, #page .wait, #page button[disabled]")`, want))
}

// fill types into the field with that label as a citizen does.
func (b *browser) fill(t *testing.T, name, value string) {
	t.Helper()
	id := must[string](t, b, fmt.Sprintf(`[...document.querySelectorAll("#page label")].find((e) => e.textContent.trim() === %q)?.htmlFor ?? ""`, name))
	if id == "" {
		t.Fatalf("no field has the label %s", name)
	}
	empty := fmt.Sprintf(`{ const e = document.getElementById(%q); e.value = ""; e.dispatchEvent(new Event("input")); }`, id)
	b.do(t, "fill "+name, chromedp.Evaluate[chromedp.Void](empty), chromedp.SendKeys("#"+id, value))
}

// selectPerson makes another person use the phone.
func (b *browser) selectPerson(t *testing.T, person string) {
	t.Helper()
	b.openPanel(t, "people")
	b.do(t, "become "+person, chromedp.Click(fmt.Sprintf(`#list button[data-person=%q]`, person)), b.waitFor("我的密码"))
}

// openPanel shows the people or the requests, which a narrow screen has in a sheet.
func (b *browser) openPanel(t *testing.T, panel string) {
	t.Helper()
	if must[bool](t, b, `document.getElementById("open-people").checkVisibility()`) {
		b.do(t, panel, chromedp.Click("#open-"+panel), chromedp.WaitVisible("#sheet #"+panel))
	}
}

// checkPage takes a screenshot and checks what every page must satisfy.
func (b *browser) checkPage(t *testing.T, name string) {
	t.Helper()
	b.screenshot(t, name)
	b.checkTargets(t, name)
	b.checkWidth(t, name)
	b.checkPrimary(t, name)
	b.checkAxe(t, name)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, message := range b.consoleErrors {
		t.Errorf("%s: the console says: %s", name, message)
	}
	b.consoleErrors = nil
}

// checkBothModes is checkPage without and with elder mode.
func (b *browser) checkBothModes(t *testing.T, name string) {
	t.Helper()
	b.checkPage(t, name)
	b.do(t, "elder", chromedp.Evaluate[chromedp.Void](`document.querySelector("#page .page").classList.add("elder")`))
	b.checkPage(t, "elder-"+name)
	b.do(t, "no elder", chromedp.Evaluate[chromedp.Void](`document.querySelector("#page .page").classList.remove("elder")`))
}

// dark has the phone prefer dark colours.
func (b *browser) dark(t *testing.T) {
	t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	cmdtest.NoError(t, err)
}

// onFirstScreen checks that elder mode shows the button of that name without scrolling.
func (b *browser) onFirstScreen(t *testing.T, name string) {
	t.Helper()
	below := must[float64](t, b, fmt.Sprintf(`(() => {
		const page = document.getElementById("page");
		const root = page.querySelector(".page");
		const had = root.classList.contains("elder");
		root.classList.add("elder");
		page.scrollTop = 0;
		const button = [...page.querySelectorAll("button")].find((e) => e.textContent.trim() === %q);
		const below = button.getBoundingClientRect().bottom - page.getBoundingClientRect().bottom;
		root.classList.toggle("elder", had);
		return below;
	})()`, name))
	if below > 0 {
		t.Errorf("%s is %.0f px below the first screen", name, below)
	}
}

func (b *browser) screenshot(t *testing.T, name string) {
	t.Helper()
	if b.shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	cmdtest.NoError(t, err)
	cmdtest.NoError(t, os.MkdirAll(b.shots, 0o755))
	cmdtest.NoError(t, os.WriteFile(filepath.Join(b.shots, name+".png"), png, 0o644))
}

// checkTargets checks that touch targets have at least 44 px, in elder mode 60 px and
// text of 18 px (MIIT's rules for elderly users, 2021).
func (b *browser) checkTargets(t *testing.T, name string) {
	t.Helper()
	small := must[[]string](t, b, `(() => {
		const least = document.querySelector("#page .elder") ? 60 : 44;
		return [...document.querySelectorAll("#page button, #page input, #page [role=button], #page [role=switch], #back, dialog[open] button")]
			.filter((e) => e.checkVisibility({visibilityProperty: true}))
			.map((e) => [e.getAttribute("aria-label") || e.innerText, e.getBoundingClientRect()])
			.filter(([, r]) => r.height < (least) || r.width < least)
			.map(([label, r]) => label + " " + r.width + "x" + r.height);
	})()`)
	small = append(small, must[[]string](t, b, `(() => {
		const least = document.querySelector("#page .elder") ? 18 : 15;
		return [...document.querySelectorAll("#page *")]
			.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
			.filter((e) => parseFloat(getComputedStyle(e).fontSize) < least)
			.map((e) => getComputedStyle(e).fontSize + " " + e.innerText);
	})()`)...)
	for _, s := range small {
		t.Errorf("%s: too small: %s", name, s)
	}
}

// checkPrimary counts the buttons that stand out: a page has one thing to do.
func (b *browser) checkPrimary(t *testing.T, name string) {
	t.Helper()
	loud := must[[]string](t, b, `[...document.querySelectorAll("#page .primary, #page .stop")].map((e) => e.innerText)`)
	if len(loud) > 1 {
		t.Errorf("%s: several primary buttons: %s", name, loud)
	}
}

// checkWidth finds content that is cut off or scrolls horizontally.
func (b *browser) checkWidth(t *testing.T, name string) {
	t.Helper()
	wide := must[[]string](t, b, `(() => {
		const page = document.getElementById("page");
		const wide = page.scrollWidth > page.clientWidth ? ["the page scrolls sideways"] : [];
		for (const e of page.querySelectorAll("*")) {
			if (e.tagName !== "INPUT" && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline") wide.push(e.className + ": " + e.innerText);
		}
		return wide;
	})()`)
	for _, s := range wide {
		t.Errorf("%s: cut off: %s", name, s)
	}
}

// checkAxe checks the page with axe-core.
func (b *browser) checkAxe(t *testing.T, name string) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(miniprogramTests, "node_modules/axe-core/axe.min.js"))
	if err != nil && os.Getenv("CI") == "" {
		testenv.Announce("skipped: accessibility by axe-core: run npm ci in miniapp-api/miniprogram/test")
		return // the other checks work without it
	}
	cmdtest.NoError(t, err)
	if must[bool](t, b, `typeof axe === "undefined"`) {
		_, err = evaluate[chromedp.Void](b, string(script)+";undefined")
		cmdtest.NoError(t, err)
	}
	found := must[[]string](t, b, `axe.run().then(({violations}) => violations.flatMap(({id, nodes}) =>
		nodes.map((n) => id + ": " + n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))))`)
	if len(found) > 0 {
		t.Errorf("%s: axe finds\n%s", name, strings.Join(found, "\n"))
	}
}
