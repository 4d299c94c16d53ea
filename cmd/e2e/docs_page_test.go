package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/getkin/kin-openapi/openapi3"

	"fundpass/cmd/internal/cmdtest"
)

// readContract opens the API's documentation in a browser and tries operations, without
// and with a session. The page may load nothing from other origins and must respect the
// content security policy.
func readContract(t *testing.T, chromium context.Context, demo *runningDemo) {
	for name, size := range map[string][2]int64{"docs-phone": {375, 812}, "docs-desk": {1280, 800}} {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, chromium, demo.URL+"/docs", size[0], size[1])
			b.do(t, "operations", chromedp.WaitReady(".opblock"))
			b.screenshot(t, name)
			b.checkOperations(t)
			b.checkPageWidth(t, name)

			b.tryOut(t, "alive", `"state": "alive"`)
			b.screenshot(t, name+"-tried")
			b.checkPageWidth(t, name+"-tried")
			b.do(t, "sign in", chromedp.WaitReady("#sign-in:enabled"), chromedp.Click("#sign-in"), b.showsText("#signed-in", "成功"))
			b.tryOut(t, "showConsents", `"code": "OK"`)
			b.screenshot(t, name+"-signed-in")
			b.tryOut(t, "endSession", `"code": "OK"`)
			b.do(t, "codes", chromedp.Navigate(demo.URL+"/docs/errors#NOT_LINKED"), chromedp.WaitVisible("#NOT_LINKED"))
			b.screenshot(t, name+"-errors")
			b.checkPageWidth(t, name+"-errors")
			b.checkOrigin(t, demo.URL)
		})
	}
}

// checkOrigin reports requests to another origin and errors on the console.
func (b *browser) checkOrigin(t *testing.T, origin string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) == 0 {
		t.Error("no request was seen")
	}
	for _, address := range b.requests {
		if u, err := url.Parse(address); err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != origin {
			t.Errorf("the page asks for %s", address)
		}
	}
	for _, message := range b.consoleErrors {
		t.Errorf("the console says: %s", message)
	}
}

// checkOperations compares the page with openapi.yaml.
func (b *browser) checkOperations(t *testing.T) {
	t.Helper()
	file, err := os.ReadFile("../../miniapp-api/httpapi/openapi.yaml")
	cmdtest.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(file)
	cmdtest.NoError(t, err)
	var want []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+path)
		}
	}
	got := must[[]string](t, b, `[...document.querySelectorAll(".opblock")].map((o) =>
		o.querySelector(".opblock-summary-method").innerText + " " + o.querySelector("[data-path]").dataset.path)`)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("the page shows\n%s\nthe file has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// tryOut opens an operation, executes it and waits for the reply.
func (b *browser) tryOut(t *testing.T, id, want string) {
	t.Helper()
	block := fmt.Sprintf(`.opblock[id$="-%s"]`, id)
	b.do(t, "try "+id, chromedp.Click(block+" .opblock-summary-control"), chromedp.Click(block+" button.execute"),
		b.showsText(block+" .live-responses-table", want))
}

// showsText waits until the text of the element contains want.
func (b *browser) showsText(element, want string) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? "").includes(%q)`, element, want))
}

// checkPageWidth reports a page that scrolls horizontally.
func (b *browser) checkPageWidth(t *testing.T, name string) {
	t.Helper()
	if wide := must[int](t, b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		t.Errorf("%s: the page is %d px wider than the screen", name, wide)
	}
}
