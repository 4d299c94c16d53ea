package miniapp

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The pages stand alone, name everything, and are let do nothing else.
func TestDocs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withDocs)
	file, err := os.ReadFile("openapi.yaml")
	must(t, err)
	if got := fetch(t, h.url+"/openapi.yaml"); got.Raw != string(file) {
		t.Error("/openapi.yaml is not the file")
	}
	paths, codes := fetch(t, h.url+"/docs"), fetch(t, h.url+"/docs/errors")
	for call, op := range operations() {
		_, path, _ := strings.Cut(call, " ")
		if !strings.Contains(paths.Raw, `id="`+op.OperationID+`"`) || !strings.Contains(paths.Raw, path) {
			t.Errorf("/docs lacks %s", call)
		}
	}
	for name := range contractFile().Components.Schemas {
		if !strings.Contains(paths.Raw, `id="`+name+`"`) {
			t.Errorf("/docs lacks %s", name)
		}
	}
	for _, e := range Catalogue { // where the type of a problem points
		if !strings.Contains(codes.Raw, `id="`+e.Code+`"`) || !strings.Contains(codes.Raw, occurrence(e)) {
			t.Errorf("/docs/errors lacks %s", e.Code)
		}
	}
	for name, page := range map[string]reply{"/docs": paths, "/docs/errors": codes} {
		standsAlone(t, name, page)
	}
}

var (
	addresses = regexp.MustCompile(`(?i)(?:src|href|action|url)\s*[=(]\s*["']?([^"')\s>]*)`)
	styles    = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	anchors   = regexp.MustCompile(`href="#([^"]+)"`)
	examples  = regexp.MustCompile(`(?s)<pre>[^<]*</pre>`)
)

func standsAlone(t *testing.T, name string, page reply) {
	t.Helper()
	for _, found := range addresses.FindAllStringSubmatch(page.Raw, -1) {
		if a := found[1]; !strings.HasPrefix(a, "#") && !strings.HasPrefix(a, "/docs") && a != "/openapi.yaml" {
			t.Errorf("%s leads to %q", name, a)
		}
	}
	for _, found := range anchors.FindAllStringSubmatch(page.Raw, -1) {
		if !strings.Contains(page.Raw, `id="`+found[1]+`"`) {
			t.Errorf("%s: nothing stands at #%s", name, found[1])
		}
	}
	text := examples.ReplaceAllString(page.Raw, "") // where an address is only to be read
	for _, forbidden := range []string{"<script", "http://", "https://", " style=", " onclick", "ZgotmplZ"} {
		if strings.Contains(text, forbidden) {
			t.Errorf("%s contains %q", name, forbidden)
		}
	}
	style := styles.FindStringSubmatch(page.Raw)
	if style == nil {
		t.Fatalf("%s has no style", name)
	}
	sum := sha256.Sum256([]byte(style[1]))
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';") {
		t.Errorf("%s: the policy %q does not allow the style, or more than it", name, policy)
	}
	checkHeaders(t, page.Header)
}

// A server for the public has no pages.
func TestDocsAreForTheDemo(t *testing.T) {
	t.Parallel()
	p := newHouse(t).phone()
	for _, path := range []string{"/openapi.yaml", "/docs", "/docs/errors", "/docs/"} {
		r := p.get(path).want(t, "NOT_FOUND")
		if r.HTTP != 404 {
			t.Errorf("%s: %s", path, r.Raw)
		}
	}
}
