package httpapi_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A replyRecorder records every reply of a server by its route.
type replyRecorder struct {
	api    http.Handler
	routes []httpapi.Route
	mu     sync.Mutex
	bodies map[string][]string // by method and path, as in routes()
}

func (e *replyRecorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	e.api.ServeHTTP(answer, r)
	e.mu.Lock()
	for _, route := range e.routes {
		pattern := regexp.MustCompile("^" + echoParameter.ReplaceAllString(route.Path, "[^/]+") + "$")
		if route.Method == r.Method && pattern.MatchString(r.URL.Path) {
			e.bodies[route.Method+" "+route.Path] = append(e.bodies[route.Method+" "+route.Path], answer.Body.String())
		}
	}
	e.mu.Unlock()
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// masks are the masked forms of the fields that show a person, by Alipay's rules: the last
// character of a name, the first and last of a document number, the first three and last two
// digits of a phone number, the last two of an account number.
var masks = map[string]struct {
	of   func(citizen) string
	mask func(string) string
}{
	"name":       {func(c citizen) string { return c.Name }, document.MaskName},
	"id_number":  {func(c citizen) string { return c.IDNumber }, document.MaskNumber},
	"phone":      {func(c citizen) string { return c.Phone }, document.MaskPhone},
	"account_no": {func(c citizen) string { return c.AccountNo }, document.MaskAccount},
}

// Every reply of every route masks personal data. A new route must be called here.
func TestEveryReplyIsMasked(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withSMS, withTransfer(time.Hour))
	ear := &replyRecorder{api: h.server.Handler(), routes: contractRoutes(), bodies: map[string][]string{}}
	server := httptest.NewServer(ear)
	t.Cleanup(server.Close)
	h.url = server.URL
	c := h.citizen(func(c *citizen) { c.Name = "上官金丝雀" })
	callEveryRoute(t, h, c)

	shown := map[string]int{}
	for _, r := range ear.routes {
		call := r.Method + " " + r.Path
		if len(ear.bodies[call]) == 0 {
			t.Errorf("%s is not called here", call)
		}
		for _, body := range ear.bodies[call] {
			checkMasked(t, call, body, c, shown)
		}
	}
	for field := range masks {
		if shown[field] == 0 {
			t.Errorf("no reply shows %s", field)
		}
	}
}

// callEveryRoute calls every route, correctly and incorrectly, and twice if the second answer
// differs.
func callEveryRoute(t *testing.T, h *env, c citizen) {
	t.Helper()
	p := h.logIn(c)
	p.get("/healthz")
	p.get("/readyz")
	p.post("/v1/sessions", m{"auth_code": c.IDNumber})
	p.post("/v1/password/tickets", m{})
	p.get("/v1/consents").want(t, "OK")
	p.agree(selfservice.PurposeCertdoc)
	p.post("/v1/consents", m{"purpose": c.Name, "version": c.Phone})
	p.post("/v1/consents/withdraw", m{"purpose": selfservice.PurposePhone}).want(t, "OK")
	p.agree(selfservice.PurposePhone)
	p.get("/v1/subscriptions")
	p.post("/v1/subscriptions", m{"template_id": c.IDNumber, "accepted": true})
	recovery := p.recover(c)
	p.get(recovery)
	p.post(recovery+"/code", m{"code": c.IDNumber})
	p.post("/v1/password/recoveries", c.recoveryBySMS()).want(t, "OK")
	p.post(recovery+"/confirm", twice(c.IDNumber))
	p.post("/v1/link/"+c.IDNumber+"/confirm", m{})
	p.post("/v1/link", with(c.linkBody(), "name", "司马答案"))
	p.post("/v1/link", with(c.linkBody(), "id_number", c.IDNumber[:17]+"?"))
	p.post("/v1/link", with(c.linkBody(), c.IDNumber, c.Name))
	p.post("/v1/link", c.linkBody(), key(c.AccountNo)).want(t, "OK")
	p.post("/v1/link", c.linkBody(), key(c.AccountNo)).want(t, "OK")
	p.post("/v1/link", c.linkBody())
	payload, err := h.sim.Phone(c.Person.Person, "")
	must(t, err)
	p.send("POST", "/v1/phone", []byte(payload))
	p.send("POST", "/v1/phone", []byte(strings.Replace(payload, "AES", c.Phone, 1)))
	for _, path := range []string{"/v1/link", "/v1/password", "/v1/events", "/v1/me/data", "/v1/password/changes/" + c.IDNumber, "/v1/password/resets/" + c.Phone,
		"/v1/accounts", "/v1/link-transfers"} {
		p.get(path)
	}
	chosen, _ := p.accounts()
	p.post("/v1/accounts/"+chosen+"/choose", m{}).want(t, "OK")
	again := h.logIn(h.newAlipay(c))
	again.post("/v1/link", c.transferBody()).want(t, "TRANSFER_WAITING")
	again.get("/v1/link-transfers").want(t, "OK")
	for _, step := range []string{"confirm", "cancel", "reject"} {
		p.post("/v1/link-transfers/"+c.IDNumber+"/"+step, m{})
	}
	p.post("/v1/password/changes", m{"id_number": c.Phone, "old_password": c.IDNumber})
	change := p.openChange(c)
	p.get(change)
	p.post(change+"/confirm", twice("13"+c.IDNumber))
	p.post(change+"/cancel", m{})
	reset, _ := p.openReset()
	p.get(reset)
	p.post(reset+"/confirm", twice(c.Phone+"aB"))
	p.post(reset+"/cancel", m{})
	h.clock.Advance(store.SMSCodeInterval)
	reset = "/v1/password/resets/" + p.post("/v1/password/resets", bySMS).want(t, "OK").get(t, "id").(string)
	p.post(reset+"/code", m{"code": c.Phone})
	p.get("/v1/me/data")
	p.post("/v1/link/remove", m{"password": c.Phone})
	p.post("/v1/link/remove", m{"password": c.Password}).want(t, "OK")
	p.post("/v1/freeze", m{})
	h.logIn(c).post("/v1/sessions/end", m{})
	h.deliver(h.url, h.write(alipaysim.Notice{Person: c.Person.Person, Kind: signing.MethodCancelled}))
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		req, err := http.NewRequest(method, h.url+"/alipay/spi?name="+c.AccountNo, strings.NewReader("phone="+c.Phone))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rsp, err := http.DefaultClient.Do(req)
		must(t, err)
		rsp.Body.Close()
	}
}

// checkMasked checks every string of a reply and the fields that show a person.
func checkMasked(t *testing.T, call, body string, c citizen, shown map[string]int) {
	t.Helper()
	walkStrings(body, func(field, text string) {
		if rule, personal := masks[field]; personal && text != "" {
			shown[field]++
			if want := rule.mask(rule.of(c)); text != want {
				t.Errorf("%s answers %s %q, want %q", call, field, text, want)
			}
		}
		if part := unmasked(field, text, c); part != "" {
			t.Errorf("%s answers %q in %s: %.300s", call, part, field, text)
		}
	})
}

// walkStrings calls f for every string in a JSON text, or for the whole text if it is not JSON.
func walkStrings(body string, f func(field, text string)) {
	var value any
	if json.NewDecoder(bytes.NewReader([]byte(body))).Decode(&value) != nil {
		f("", body)
		return
	}
	var walk func(field string, v any)
	walk = func(field string, v any) {
		switch v := v.(type) {
		case string:
			f(field, v)
		case []any:
			for _, x := range v {
				walk(field, x)
			}
		case map[string]any:
			for name, x := range v {
				f("", name)
				walk(name, x)
			}
		}
	}
	walk("", value)
}

// random are the fields with random digits.
var random = []string{"id", "request_id", "token", "ticket", "public_key", "kid", "sign", "certify_id", "certify_url"}

// unmasked returns the unmasked personal data in a text: the name except its last character, or
// six consecutive characters of a number, the length of an initial password.
func unmasked(field, text string, c citizen) string {
	if _, err := time.Parse(time.RFC3339, text); err == nil || slices.Contains(random, field) {
		return ""
	}
	name := []rune(c.Name)
	if part := string(name[:len(name)-1]); strings.Contains(text, part) {
		return part
	}
	for _, number := range []string{c.IDNumber, c.Phone, c.AccountNo} {
		for i := range len(number) - 5 {
			if strings.Contains(text, number[i:i+6]) {
				return number[i : i+6]
			}
		}
	}
	return ""
}

// unmasked finds personal data.
func TestUnmasked(t *testing.T) {
	t.Parallel()
	c := citizen{Person: alipaysim.Person{Name: "欧阳测试", IDNumber: idNumber("19560307", 1), Phone: "19900000001", AccountNo: "880000000123"}}
	for text, want := range map[string]string{
		`{"a":["x",{"b":"` + c.IDNumber[12:] + `"}]}`: c.IDNumber[12:],
		`{"` + c.Name + `":1}`:                        "欧阳测",
		`not JSON: ` + c.Phone:                        c.Phone[:6],
		`{"request_id":"` + c.Phone + `"}`:            "",
		`{"name":"***试","phone":"199******01","account_no":"**********23","at":"2026-03-01T02:03:04.199000Z"}`: "",
	} {
		found := ""
		walkStrings(text, func(field, s string) { found += unmasked(field, s, c) })
		if found != want {
			t.Errorf("in %s found %q, want %q", text, found, want)
		}
	}
}
