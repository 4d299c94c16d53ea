package httpapi_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// A canary counts connections to an address that nothing should call.
type canary struct {
	addr  string
	bait  string // its URL
	calls atomic.Int32
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	c := &canary{addr: l.Addr().String(), bait: "http://" + l.Addr().String() + "/"}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.calls.Add(1)
			conn.Close()
		}
	}()
	return c
}

// unseen fails the test if the canary was called, or does not detect calls.
func (c *canary) unseen(t *testing.T) {
	t.Helper()
	time.Sleep(100 * time.Millisecond)
	if n := c.calls.Load(); n != 0 {
		t.Errorf("%d connections to an address from a request", n)
	}
	conn, err := net.Dial("tcp", c.addr)
	must(t, err)
	defer conn.Close()
	testenv.Eventually(t, "the canary counts", func() bool { return c.calls.Load() > 0 })
}

// fill returns a body with the canary's URL in every field.
func (c *canary) fill(t *testing.T, fields []string) []byte {
	t.Helper()
	body := m{}
	for _, f := range fields {
		body[f] = c.bait
		if f == "encrypted" {
			body[f] = m{"ticket": c.bait, "kid": c.bait, "alg": c.bait, "sealed": c.bait}
		}
	}
	raw, err := json.Marshal(body)
	must(t, err)
	return raw
}

// requestFields returns the JSON fields of every request type, read from the source, so that
// new types are included.
func requestFields(t *testing.T) map[string][]string {
	t.Helper()
	forms := map[string][]string{}
	find := func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !strings.HasSuffix(spec.Name.Name, "Request") {
			return true
		}
		body, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range body.Fields.List {
			if field.Tag == nil {
				continue
			}
			_, tag, _ := strings.Cut(field.Tag.Value, `json:"`)
			name, _, _ := strings.Cut(strings.TrimRight(tag, "`\""), ",")
			if name == "encrypted" { // replaces the plain ones
				continue
			}
			forms[spec.Name.Name] = append(forms[spec.Name.Name], name)
		}
		return true
	}
	for _, dir := range []string{".", "../alipay"} {
		packages, err := parser.ParseDir(token.NewFileSet(), dir, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
		must(t, err)
		for _, p := range packages {
			ast.Inspect(p, find)
		}
	}
	forms["sealed"] = []string{"id_number", "encrypted"}
	return forms
}

// T16: no field, header or path of a request makes the server call a URL.
func TestNoFieldIsFetched(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := newCanary(t)
	p, q := h.linkedClient(h.citizen()), h.logIn(h.citizen())
	baited := []header{{"X-Forwarded-For", c.bait}, {"Referer", c.bait}, {"Origin", c.bait}, {"X-Forwarded-Host", c.addr}, {"Forwarded", "host=" + c.addr}, {"Idempotency-Key", c.bait}}
	forms := requestFields(t)
	if len(forms) < 6 || strings.Join(forms["confirmRequest"], " ") != "new_password new_password_again" {
		t.Fatalf("the forms are not found: %v", forms)
	}
	sent, read := 0, 0 // requests whose JSON was accepted
	for _, r := range contractRoutes() {
		if !strings.HasPrefix(r.Path, "/v1/") || r.Path == "/v1/sessions/end" {
			continue
		}
		for _, id := range []string{"0190a000-0000-7000-8000-000000000000", url.PathEscape(c.bait)} {
			path := strings.Replace(r.Path, ":id", id, 1) + "?url=" + url.QueryEscape(c.bait)
			for _, fields := range forms {
				raw := c.fill(t, fields)
				if r.Method == "GET" {
					raw = nil
				}
				for _, client := range []*client{p, q} {
					key := header{"Idempotency-Key", fmt.Sprintf("%s%d", c.bait, sent)}
					sent++
					got := client.send(r.Method, path, raw, append(baited, key)...)
					if got.HTTP >= 500 {
						t.Errorf("%s %s: %s", r.Method, r.Path, got.Raw)
					}
					if !strings.Contains(got.Raw, "UNKNOWN_FIELD") {
						read++
					}
				}
			}
		}
	}
	if read < 40 {
		t.Errorf("only %d requests were read", read)
	}
	c.unseen(t)
}

// A forger signs as Alipay does, with a key that this environment trusts.
type forger struct{ h *env }

func newForger(h *env) forger {
	must(h.t, h.server.Alipay.Replace(h.keyring(keys.AlipayKey{Public: &callbackKey().PublicKey, Source: "forger"})))
	return forger{h}
}

// sign signs the form again in its family's format.
func (f forger) sign(form url.Values) []byte {
	f.h.t.Helper()
	form.Del("sign")
	rule := signing.NotifyV1
	if form.Has("service") || form.Has("method") && form.Has("notify_type") {
		rule = signing.NotifyV2
	}
	text, err := signing.Canonical(form, rule)
	must(f.h.t, err)
	signature, err := signing.Sign(callbackKey(), text)
	must(f.h.t, err)
	form.Set("sign", signature)
	return []byte(form.Encode())
}

var (
	jsonText = regexp.MustCompile(`:"[^"]*"`)
	xmlText  = regexp.MustCompile(`\[CDATA\[[^\]]*\]\]`)
)

// baits returns validly signed notifications with each value, and each value within
// biz_content, replaced by a URL.
func (f forger) baits(notification alipaysim.Notification, bait string) (bodies [][]byte) {
	f.h.t.Helper()
	form, err := url.ParseQuery(string(notification.Body))
	must(f.h.t, err)
	with := func(name, value string) {
		changed := url.Values{}
		for n := range form {
			changed.Set(n, form.Get(n))
		}
		changed.Set(name, value)
		bodies = append(bodies, f.sign(changed))
	}
	for name := range form {
		with(name, bait)
		with(name, form.Get(name)+bait)
	}
	for _, name := range []string{"notify_url", "return_url", "callback_url", "cert_url"} {
		with(name, bait)
	}
	content := form.Get("biz_content")
	for _, place := range []struct {
		text        *regexp.Regexp
		before, end string
	}{{jsonText, `:"`, `"`}, {xmlText, `[CDATA[`, `]]`}} {
		for _, at := range place.text.FindAllStringIndex(content, -1) {
			with("biz_content", content[:at[0]]+place.before+bait+place.end+content[at[1]:])
		}
	}
	if strings.HasPrefix(content, "<") {
		entity := `<!DOCTYPE x [<!ENTITY e SYSTEM "` + bait + `">]>`
		with("biz_content", entity+strings.Replace(content, "<XML>", "<XML>&e;", 1))
		with("biz_content", content+`<?xml-stylesheet href="`+bait+`"?>`)
	}
	return bodies
}

// T16: no value of a message makes the server call a URL, whether its signature is valid or
// not.
func TestNoNoticeIsFetched(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, f := newCanary(t), newForger(h)
	who := h.citizen()
	calls := h.sim.Calls("")
	taken, sent := 0, 0
	for kind := range alipaysim.Kinds() {
		notification := h.write(alipaysim.Notice{Person: who.Person.Person, Kind: kind})
		for _, body := range f.baits(notification, c.bait) {
			for _, spoilt := range []string{"", "x"} {
				forged := notification
				forged.Body = append(body[:len(body):len(body)], spoilt...)
				status, answer := h.deliver(h.url, forged)
				if status != http.StatusOK || strings.Contains(answer, c.addr) {
					t.Errorf("%s: %d %q", kind, status, answer)
				}
				sent++
				if answer == "success" || strings.Contains(answer, "ISV-METHOD-NOT-SUPPORTED") || strings.Contains(answer, "<success>true") {
					taken++
				}
			}
		}
	}
	if taken < 60 || sent < 300 {
		t.Errorf("only %d messages, %d accepted", sent, taken)
	}
	if got := h.sim.Calls("") - calls; got != 0 {
		t.Errorf("%d calls to Alipay", got)
	}
	c.unseen(t)
}
