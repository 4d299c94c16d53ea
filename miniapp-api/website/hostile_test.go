package website_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fundpass/miniapp-api/website"
)

// Every reply, of whatever status, forbids what a page does not need, and no page has inline
// code or style, or loads anything from elsewhere.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	inline := regexp.MustCompile(`(?i)<script(?:>| [^>]*>[^<])|<style|\son[a-z]+=|\sstyle=|javascript:|(?:src|href|action)="(?:https?:)?//`)
	for _, path := range []string{"/", "/sign-in", "/forgot", "/password/change", "/password/reset", "/freeze", "/record", "/data", "/accounts", "/nothing", "/sign-in/code"} {
		v := b.get(path)
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000",
			"Access-Control-Allow-Origin": "", "Server": "", "X-Powered-By": "",
		} {
			if got := v.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		csp := v.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "form-action 'self'") || !strings.Contains(csp, "base-uri 'none'") {
			t.Errorf("%s: %s", path, csp)
		}
		if found := inline.FindString(v.Body); found != "" {
			t.Errorf("%s: %s", path, found)
		}
	}
	asset := regexp.MustCompile(`/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)`)
	for _, path := range asset.FindAllString(b.get("/").Body, -1) {
		if v := b.get(path).want(t, 200); !strings.Contains(v.Header.Get("Cache-Control"), "immutable") || v.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, v.Header)
		}
	}
}

// Every cookie belongs to this host alone, and no script reads it.
func TestCookies(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	page := b.get("/sign-in")
	set := page.Header["Set-Cookie"]
	set = append(set, b.submit(page, "/sign-in", signInFields(c, c.Password)...).Header["Set-Cookie"]...)
	set = append(set, b.post("/view", fields("view", "elder", "here", "/")).Header["Set-Cookie"]...)
	for _, cookie := range set {
		for _, want := range []string{"__Host-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite="} {
			if !strings.Contains(cookie, want) || strings.Contains(cookie, "Domain") {
				t.Errorf("%s lacks %s", cookie, want)
			}
		}
		if strings.HasPrefix(cookie, "__Host-session=") && !strings.Contains(cookie, "SameSite=Strict") {
			t.Error(cookie)
		}
	}
	if len(set) != 4 { // the visit, the session, the end of a step, the view
		t.Errorf("%d cookies: %q", len(set), set)
	}
}

// A session that the browser had before signing in is not the one after it, and a token that
// somebody planted opens nothing.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	victim, thief := h.citizen(), h.citizen()
	evil := h.browser()
	evil.signIn(thief)
	b := h.browser()
	b.setCookies(evil.cookies()) // planted
	planted := evil.sessionDigest()
	b.signIn(victim)
	if string(b.sessionDigest()) == string(planted) {
		t.Error("the planted session is used")
	}
	evil.get("/").leads(t, "/sign-in?why=ended")
	made := h.browser()
	made.setCookies([]*http.Cookie{{Name: "__Host-session", Value: "chosen-by-somebody"}})
	made.get("/").leads(t, "/sign-in?why=ended")
	made.signIn(victim)
	if n := h.count(`SELECT count(*) FROM sessions`); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

// Two cookies of one name are none, whichever comes first.
func TestCookieTossing(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	own := ""
	for _, cookie := range b.cookies() {
		if cookie.Name == "__Host-session" {
			own = cookie.String()
		}
	}
	tossed := h.browser()
	tossed.http.Jar = nil
	for _, both := range []string{own + "; __Host-session=tossed", "__Host-session=tossed; " + own} {
		tossed.do("GET", "/", "", http.Header{"Cookie": {both}}).leads(t, "/sign-in")
	}
	tossed.do("GET", "/", "", http.Header{"Cookie": {own}}).want(t, 200)
}

// What another site causes is refused: by the browser's headers, and by the token where it sends
// none.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	b.signIn(c)
	good := func() url.Values { return fields("form", b.get("/freeze").token(t, "/freeze")) }
	for name, header := range map[string]http.Header{
		"cross-site": {"Sec-Fetch-Site": {"cross-site"}}, "same-site": {"Sec-Fetch-Site": {"same-site"}},
		"origin": {"Origin": {"https://evil.example"}}, "null": {"Origin": {"null"}}, "scheme": {"Origin": {strings.Replace(h.url, "https", "http", 1) + "0"}},
	} {
		b.send = header
		v := b.do("POST", "/freeze", good().Encode(), formType).want(t, 403, "不是从本网站的页面发出的")
		b.do("POST", "/view", fields("view", "elder", "here", "/").Encode(), formType).want(t, 403)
		if b.send = (http.Header{}); v.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie is set", name)
		}
	}
	other := h.browser()
	other.signIn(h.citizen())
	for name, token := range map[string]string{
		"none": "", "made up": "AAAA", "of another session": other.get("/freeze").token(t, "/freeze"), "of another form": b.get("/").token(t, "/sign-out"),
		"of a visit": b.get("/sign-in").token(t, "/sign-in"),
	} {
		if v := b.post("/freeze", fields("form", token)); v.Status != 403 || !strings.Contains(v.text(), "没有提交") {
			t.Errorf("%s: %d %s", name, v.Status, v.text())
		}
	}
	b.get("/").want(t, 200, "正常")
	b.send = http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {h.url}}
	b.post("/freeze", good()).leads(t, "/sign-in?why=frozen")
}

// A form with wrong, missing, repeated, unknown or huge fields, in a query or of another type,
// gets a clear page and does nothing.
func TestFormAbuse(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b := h.browser()
	page := b.get("/sign-in")
	f := fields(signInFields(c, c.Password)...)
	f.Set("form", page.token(t, "/sign-in"))
	whole := f.Encode()
	big := strings.Repeat("x", 2000)
	for name, body := range map[string]string{
		"unknown": whole + "&more=1", "repeated": whole + "&password=other", "repeated token": whole + "&form=x", "empty": "",
		"missing": strings.Replace(whole, "password=", "pass=", 1), "escape": whole + "&x=%zz", "semicolon": whole + ";x=1",
		"control": strings.Replace(whole, "account_no=", "account_no=%00", 1), "no UTF-8": strings.Replace(whole, "account_no=", "account_no=%ff", 1),
		"long": strings.Replace(whole, "account_no=", "account_no="+big, 1), "array": strings.Replace(whole, "password=", "password[]=", 1),
	} {
		if v := b.do("POST", "/sign-in", body, formType); v.Status != 400 || !strings.Contains(v.text(), "格式不正确") {
			t.Errorf("%s: %d %s", name, v.Status, v.text())
		}
	}
	b.do("POST", "/sign-in", whole+strings.Repeat("&x=1", 8000), formType).want(t, 413)
	b.do("POST", "/sign-in?id_type=01", whole, formType).want(t, 400)
	for _, media := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", ""} {
		b.do("POST", "/sign-in", whole, http.Header{"Content-Type": {media}}).want(t, 415)
	}
	b.do("POST", "/sign-in", whole, http.Header{"Content-Type": formType["Content-Type"], "Content-Encoding": {"gzip"}}).want(t, 415)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		b.do(method, "/sign-in", "", nil).want(t, 405)
	}
	b.do("POST", "/record", whole, formType).want(t, 405)
	for _, path := range []string{"/nothing", "/password/change/x", "/password/reset/1", "/.git/config", "/v1/password", "/metrics"} {
		if v := b.get(path); v.Status != 404 && v.To != "/sign-in" {
			t.Errorf("%s: %d", path, v.Status)
		}
	}
	if n := h.count(`SELECT count(*) FROM sessions`); n != 0 {
		t.Errorf("%d sessions", n)
	}
	b.do("POST", "/sign-in", whole, formType).leads(t, "/")
}

// What a citizen types is shown as text.
func TestScriptInAField(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	b := h.browser()
	attack := `"><script>alert(1)</script>`
	v := b.submit(b.get("/sign-in"), "/sign-in", "id_type", attack, "id_number", attack, "account_no", "", "password", "x").want(t, 400)
	if strings.Contains(v.Body, "<script>") || strings.Contains(b.get("/sign-in?why="+url.QueryEscape(attack)).Body, "alert") {
		t.Error("a script is shown")
	}
}

// A change of another citizen or session is not found.
func TestForeignChange(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	b, other := h.browser(), h.browser()
	b.signIn(c)
	other.signIn(h.citizen())
	path := b.openChange(c)
	other.get(path).want(t, 200, "已取消、已超时或已失效")
	b.get(path).want(t, 200, "设置新密码")
}

// Only an HTTPS site or this machine is an origin.
func TestCheckOrigin(t *testing.T) {
	t.Parallel()
	for origin, good := range map[string]bool{
		"https://fund.example.gov.cn": true, "https://fund.example.gov.cn:8443": true, "http://127.0.0.1:8081": true, "http://localhost": true, "http://[::1]:1": true,
		"http://fund.example.gov.cn": false, "https://fund.example.gov.cn/": false, "https://u:p@fund.example": false, "fund.example": false, "": false, "https://": false, "http://127.0.0.1.evil.example": false,
	} {
		if err := website.CheckOrigin(origin); (err == nil) != good {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
