package e2e

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/keys/testenv"
	"fundpass/miniapp-api/app/appclient"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// A channel is one way to the password. Its methods return the code of the answer. It is safe for
// concurrent use, except for signIn.
type channel interface {
	name() string
	signIn(password string) string
	session() string // whether it is still signed in
	open(old string) (id, code string)
	confirm(id string) func(password string) string
	cancel(id string) string
}

// An apiChannel is one with the JSON API.
type apiChannel interface {
	channel
	get(path string, data any) string
}

// A depositor is a person of the demo with the three channels.
type depositor struct {
	t        *testing.T
	demo     *runningDemo
	who      alipaysim.Person
	password string
	names    cmdtest.Citizen // invents passwords

	phone *phoneChannel
	app   *appChannel
	site  *siteChannel
}

func (d *depositor) channels() []channel { return []channel{d.site, d.app, d.phone} }
func (d *depositor) newPassword() string { return d.names.NewPassword() }

// linkedOnAll signs a person in on the three channels.
func linkedOnAll(t *testing.T, demo *runningDemo, person string) *depositor {
	t.Helper()
	d := &depositor{t: t, demo: demo, who: demo.person(t, person)}
	d.password = d.who.Password
	d.phone, d.app, d.site = d.newPhone(person), d.newApp(), d.newSite()
	logIn(t, d.phone.Client, person)
	if a := mustPost(t, d.phone.Client, "/v1/link", linkOf(d.who, d.password)); a.Code != "OK" {
		t.Fatalf("not linked: %s", a.Raw)
	}
	for _, c := range []channel{d.site, d.app} {
		if code := c.signIn(d.password); code != "OK" {
			t.Fatalf("sign-in on %s: %s", c.name(), code)
		}
	}
	return d
}

func (d *depositor) newPhone(person string) *phoneChannel {
	return &phoneChannel{d.demo.client(), d, person}
}

func (d *depositor) newApp() *appChannel {
	d.t.Helper()
	device, err := appclient.New(d.demo.find(d.t, `App +(http://127\.0\.0\.1:\d+) `))
	cmdtest.NoError(d.t, err)
	return &appChannel{device, d}
}

func (d *depositor) newSite() *siteChannel {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	cmdtest.NoError(d.t, err)
	return &siteChannel{d, d.demo.find(d.t, `Website +(http://127\.0\.0\.1:\d+)/`), &http.Client{
		Timeout: testenv.Patience, Jar: loopbackJar{jar},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (d *depositor) mustOpen(c channel) string {
	d.t.Helper()
	id, code := c.open(d.password)
	if code != "OK" {
		d.t.Fatalf("a change on %s: %s", c.name(), code)
	}
	return id
}

// A phoneChannel is the mini-program of an Alipay user.
type phoneChannel struct {
	*apiclient.Client
	d    *depositor
	user string
}

func (p *phoneChannel) name() string { return store.ChannelAlipay }

// signIn opens a session. Only another user than the person has to link.
func (p *phoneChannel) signIn(password string) string {
	logIn(p.d.t, p.Client, p.user)
	if p.user == p.d.who.Person {
		return "OK"
	}
	return mustPost(p.d.t, p.Client, "/v1/link", linkOf(p.d.who, password)).Code
}

func (p *phoneChannel) session() string { return p.get("/v1/password", &passwordView{}) }

func (p *phoneChannel) get(path string, data any) string {
	a, err := p.Get(p.d.t.Context(), path)
	if err == nil && a.Code == "OK" {
		err = json.Unmarshal(a.Data, data)
	}
	return p.code(a, err)
}

func (p *phoneChannel) code(a apiclient.Answer, err error) string {
	if err != nil {
		p.d.t.Errorf("%s: %v", a.Path, err)
	}
	return a.Code
}

func (p *phoneChannel) post(path string, body apiclient.Fields) apiclient.Answer {
	a, err := p.Post(p.d.t.Context(), path, body)
	p.code(a, err)
	return a
}

func (p *phoneChannel) open(old string) (id, code string) {
	a := p.post("/v1/password/changes", apiclient.Fields{"id_number": p.d.who.IDNumber, "old_password": old})
	return a.Text("id"), a.Code
}

func (p *phoneChannel) confirm(id string) func(string) string {
	return func(password string) string {
		return p.post("/v1/password/changes/"+id+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": password}).Code
	}
}

func (p *phoneChannel) cancel(id string) string {
	return p.post("/v1/password/changes/"+id+"/cancel", apiclient.Fields{}).Code
}

// An appChannel is the app on one device.
type appChannel struct {
	*appclient.Device
	d *depositor
}

func (p *appChannel) name() string { return store.ChannelApp }

// signIn signs in, with a code if one was sent.
func (p *appChannel) signIn(password string) string {
	form := appclient.SignIn{Document: p.d.who.IDNumber, Account: p.d.who.AccountNo, Password: password, Name: "手机"}
	sent, err := p.SignIn(p.d.t.Context(), form)
	if err == nil && sent != nil {
		err = p.GiveCode(p.d.t.Context(), *sent, codeSentTo(p.d.t, p.d.demo.URL, p.d.who.Phone))
	}
	return p.code(err)
}

func (p *appChannel) code(err error) string {
	var refused *appclient.Error
	switch {
	case err == nil:
		return "OK"
	case errors.As(err, &refused):
		return refused.Code
	}
	p.d.t.Errorf("the app: %v", err)
	return ""
}

func (p *appChannel) session() string { return p.get("/v1/password", nil) }

func (p *appChannel) get(path string, data any) string {
	return p.code(p.Call(p.d.t.Context(), "GET", path, nil, data))
}

func (p *appChannel) post(path string, body apiclient.Fields, data any) string {
	return p.code(p.Call(p.d.t.Context(), "POST", path, body, data))
}

func (p *appChannel) open(old string) (id, code string) {
	var change struct{ ID string }
	code = p.post("/v1/password/changes", apiclient.Fields{"id_number": p.d.who.IDNumber, "old_password": old}, &change)
	return change.ID, code
}

func (p *appChannel) confirm(id string) func(string) string {
	return func(password string) string {
		return p.post("/v1/password/changes/"+id+"/confirm", apiclient.Fields{"new_password": password, "new_password_again": password}, nil)
	}
}

func (p *appChannel) cancel(id string) string {
	return p.post("/v1/password/changes/"+id+"/cancel", apiclient.Fields{}, nil)
}

// A siteChannel is the website in a browser without JavaScript.
type siteChannel struct {
	d    *depositor
	url  string
	http *http.Client
}

// A loopbackJar keeps Secure cookies of this machine, as browsers do.
type loopbackJar struct{ http.CookieJar }

func secureURL(u *url.URL) *url.URL { return &url.URL{Scheme: "https", Host: u.Host, Path: u.Path} }

func (j loopbackJar) SetCookies(u *url.URL, c []*http.Cookie) {
	j.CookieJar.SetCookies(secureURL(u), c)
}
func (j loopbackJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secureURL(u)) }

// A siteView is a page, or where the answer leads to.
type siteView struct {
	status   int
	to, body string
}

func (v siteView) want(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(v.body, text) {
			t.Errorf("the page lacks %s:\n%s", text, v.body)
		}
	}
}

// code returns what the API would have answered.
func (v siteView) code() string {
	switch {
	case v.to == "/sign-in":
		return "SESSION_REQUIRED"
	case v.to == "/sign-in?why=ended":
		return "SESSION_EXPIRED"
	case v.status == 303 || v.status == 200:
		return "OK"
	}
	for text, code := range map[string]string{"原密码错误": "OLD_PASSWORD_WRONG", "登录信息不正确": "SIGN_IN_REFUSED", "在其他渠道有一笔修改": "CHANGE_IN_PROGRESS",
		"本次修改已失效": "CHANGE_GONE", "刚才这次提交没有办理": "CHANGE_GONE", "密码错误次数过多": "PASSWORD_LOCKED", "系统繁忙": "BUSY"} {
		if strings.Contains(v.body, text) {
			return code
		}
	}
	return v.body
}

func (p *siteChannel) name() string { return store.ChannelWebsite }

func (p *siteChannel) do(method, path string, fields url.Values) (v siteView) {
	req, err := http.NewRequestWithContext(p.d.t.Context(), method, p.url+path, strings.NewReader(fields.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		var rsp *http.Response
		if rsp, err = p.http.Do(req); err == nil {
			defer rsp.Body.Close()
			var raw []byte
			raw, err = io.ReadAll(rsp.Body)
			v = siteView{rsp.StatusCode, rsp.Header.Get("Location"), string(raw)}
		}
	}
	if err != nil {
		p.d.t.Errorf("%s: %v", path, err)
	}
	return v
}

func (p *siteChannel) get(path string) siteView { return p.do("GET", path, nil) }

var siteToken = regexp.MustCompile(`name="form" value="([^"]*)"`)

// tokenFor returns the token of the form that a page sends to action, or "".
func (v siteView) tokenFor(action string) string {
	_, form, _ := strings.Cut(v.body, `action="`+action+`"`)
	form, _, _ = strings.Cut(form, "</form>")
	if m := siteToken.FindStringSubmatch(form); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func (p *siteChannel) signIn(password string) string {
	return p.do("POST", "/sign-in", url.Values{"form": {p.get("/sign-in").tokenFor("/sign-in")}, "id_type": {p.d.who.IDType},
		"id_number": {p.d.who.IDNumber}, "account_no": {p.d.who.AccountNo}, "password": {password}}).code()
}

func (p *siteChannel) session() string { return p.get("/").code() }

func (p *siteChannel) open(old string) (id, code string) {
	page := p.get("/password/change")
	if page.status != 200 {
		return "", page.code()
	}
	v := p.do("POST", "/password/change", url.Values{"form": {page.tokenFor("/password/change")}, "old_password": {old}})
	return strings.TrimPrefix(v.to, "/password/change/"), v.code()
}

// confirm opens the page of the change. One that cannot go on has no form.
func (p *siteChannel) confirm(id string) func(string) string {
	path := "/password/change/" + id
	token := p.get(path).tokenFor(path)
	if token == "" {
		return func(string) string {
			v := p.get(path)
			if v.status == 200 && strings.Contains(v.body, "密码没有因此改变") {
				return "CHANGE_GONE"
			}
			return v.code()
		}
	}
	return func(password string) string {
		return p.do("POST", path, url.Values{"form": {token}, "new_password": {password}, "again": {password}}).code()
	}
}

func (p *siteChannel) cancel(id string) string {
	path := "/password/change/" + id
	return p.do("POST", path+"/cancel", url.Values{"form": {p.get(path).tokenFor(path + "/cancel")}}).code()
}
