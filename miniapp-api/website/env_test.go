package website_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/miniapp-api/website"
	"fundpass/store"
	"fundpass/store/storetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// faceless is a provider that verifies no faces.
type faceless struct{ selfservice.IdentityProvider }

func (faceless) FaceKind(string, string) (string, error) {
	return "", selfservice.ErrDocumentUnsupported
}
func (faceless) OffersPhone() bool { return false }

// An env is the site of one centre, over HTTPS.
type env struct {
	t       testing.TB
	db      *store.DB
	service *selfservice.Service
	hasher  *passwd.Hasher
	site    *website.Site
	url     string
	certs   http.RoundTripper
	ahead   atomic.Int64
	logs    syncBuffer
}

// A syncBuffer collects the log.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newEnv(t testing.TB, change ...func(*selfservice.Config)) *env {
	t.Helper()
	return newEnvWith(t, func(*website.Config) {}, change...)
}

// newEnvWith returns an env whose site has a changed configuration.
func newEnvWith(t testing.TB, site func(*website.Config), change ...func(*selfservice.Config)) *env {
	t.Helper()
	h := &env{t: t}
	pepper := storetest.NewPepper(t)
	h.hasher = passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Threads: 1, Slots: 4, Wait: testenv.Patience})
	t.Cleanup(h.hasher.Close)
	h.db = storetest.Open(t, storetest.Shared(t), storetest.WithColumnCipher(storetest.NewColumnCipher(t)), storetest.WithPepper(pepper),
		storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }))
	h.switchOn()
	log := slog.New(slog.NewJSONHandler(&h.logs, nil))
	var err error
	config := selfservice.Config{
		DB: h.db, Policy: passwd.Default(), Hasher: h.hasher, Provider: faceless{}, Proof: selfservice.ProofNone, ConsentTexts: []selfservice.ConsentText{},
		Log: log, VerdictTime: testenv.Patience, SMS: true,
	}
	for _, f := range change {
		f(&config)
	}
	h.service, err = selfservice.New(config)
	must(t, err)
	fast := httpapi.Rate{PerSecond: 1e6, Burst: 1e6}
	server, err := httpapi.New(httpapi.Config{
		DB: h.db, Service: h.service, Hasher: h.hasher, Log: log, Channel: selfservice.ChannelWebsite, Words: website.Words, Businesses: website.Businesses,
		PerAddress: fast, PerUser: fast, RequestTime: testenv.Patience,
	})
	must(t, err)
	web := httptest.NewUnstartedServer(nil)
	c := website.Config{DB: h.db, Service: h.service, Server: server, Origin: "https://" + web.Listener.Addr().String()}
	site(&c)
	pages, err := website.New(c)
	must(t, err)
	h.site = pages
	web.Config.Handler = pages.Handler()
	web.StartTLS()
	t.Cleanup(web.Close)
	h.url, h.certs = web.URL, web.Client().Transport
	return h
}

// A citizen is an invented depositor.
type citizen struct {
	store.Depositor
	Password string
}

var citizens atomic.Int64

func (h *env) citizen(change ...func(*store.Depositor)) citizen {
	h.t.Helper()
	n := int(citizens.Add(1))
	c := citizen{Password: fmt.Sprintf("Quiet-River-%d", n)}
	hash, err := h.hasher.Hash(h.t.Context(), passwd.NewSecret(c.Password))
	must(h.t, err)
	body := fmt.Sprintf("99010119560307%03d", n%1000)
	c.Depositor = store.Depositor{Person: store.Person{Name: "欧阳测试", IDType: "01", IDNumber: body + document.CheckDigit(body), Phone: fmt.Sprintf("139%08d", n), AccountNo: fmt.Sprintf("88%010d", n)},
		Status: store.StatusNormal, Hash: hash}
	for _, f := range change {
		f(&c.Depositor)
	}
	doc, err := document.Parse(c.Person.IDType, c.Person.IDNumber)
	must(h.t, err)
	c.DocumentKey = doc.Key()
	_, err = h.db.Roster().ImportDepositors(h.t.Context(), []store.Depositor{c.Depositor})
	must(h.t, err)
	return c
}

// A browser is one browser, without JavaScript. It follows no redirect by itself.
type browser struct {
	h    *env
	http *http.Client
	send http.Header // with every request
}

func (h *env) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	return &browser{h: h, send: http.Header{}, http: &http.Client{Transport: h.certs, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// A view is a reply as a browser sees it.
type view struct {
	Status int
	Header http.Header
	Body   string
	To     string // where it redirects to; "" if it does not
}

func (b *browser) do(method, path string, body string, header http.Header) view {
	b.h.t.Helper()
	req, err := http.NewRequest(method, b.h.url+path, strings.NewReader(body))
	must(b.h.t, err)
	for _, all := range []http.Header{b.send, header} {
		for name, values := range all {
			req.Header[name] = values
		}
	}
	rsp, err := b.http.Do(req)
	must(b.h.t, err)
	defer rsp.Body.Close()
	raw, err := io.ReadAll(rsp.Body)
	must(b.h.t, err)
	if rsp.StatusCode == http.StatusInternalServerError {
		b.h.t.Logf("%s %s: %s", method, path, b.h.logs.String())
	}
	return view{rsp.StatusCode, rsp.Header, string(raw), rsp.Header.Get("Location")}
}

func (b *browser) get(path string) view { b.h.t.Helper(); return b.do("GET", path, "", nil) }

var formType = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

// post sends a form as it is.
func (b *browser) post(path string, fields url.Values) view {
	b.h.t.Helper()
	return b.do("POST", path, fields.Encode(), formType)
}

// want fails the test unless the page has this status and contains every text.
func (v view) want(t testing.TB, status int, texts ...string) view {
	t.Helper()
	if v.Status != status {
		t.Fatalf("got %d to %q, want %d:\n%s", v.Status, v.To, status, v.text())
	}
	for _, text := range texts {
		if !strings.Contains(v.text(), text) {
			t.Fatalf("the page lacks %q:\n%s", text, v.text())
		}
	}
	return v
}

// leads fails the test unless the reply leads to the path.
func (v view) leads(t testing.TB, path string) view {
	t.Helper()
	if v.Status != http.StatusSeeOther || v.To != path {
		t.Fatalf("got %d to %q, want %q:\n%s", v.Status, v.To, path, v.text())
	}
	return v
}

var (
	tags   = regexp.MustCompile(`(?s)<(style|script).*?</(style|script)>|<[^>]*>`)
	blanks = regexp.MustCompile(`\s+`)
	hidden = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>.*?</form>`)
	token  = regexp.MustCompile(`name="form" value="([^"]*)"`)
)

// text returns what a citizen reads.
func (v view) text() string {
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(v.Body, " ")), " "))
}

// token returns the token of the form that is sent to action.
func (v view) token(t testing.TB, action string) string {
	t.Helper()
	for _, f := range hidden.FindAllStringSubmatch(v.Body, -1) {
		if f[1] == action {
			if m := token.FindStringSubmatch(f[0]); m != nil {
				return html.UnescapeString(m[1])
			}
		}
	}
	t.Fatalf("no form is sent to %s:\n%s", action, v.Body)
	return ""
}

// fields returns the fields of a form, by name and value in turn.
func fields(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// submit fills the form of a page and sends it.
func (b *browser) submit(page view, action string, pairs ...string) view {
	b.h.t.Helper()
	f := fields(pairs...)
	f.Set("form", page.token(b.h.t, action))
	return b.post(action, f)
}

func signInFields(c citizen, password string) []string {
	return []string{"id_type", "01", "id_number", c.Person.IDNumber, "account_no", "", "password", password}
}

// signIn opens the sign-in page and signs in.
func (b *browser) signIn(c citizen) {
	b.h.t.Helper()
	b.submit(b.get("/sign-in").want(b.h.t, 200, "登录"), "/sign-in", signInFields(c, c.Password)...).leads(b.h.t, "/")
}

// openChange opens a change and returns the path of its second page.
func (b *browser) openChange(c citizen) string {
	b.h.t.Helper()
	v := b.submit(b.get("/password/change").want(b.h.t, 200), "/password/change", "old_password", c.Password)
	if v.Status != http.StatusSeeOther || !strings.HasPrefix(v.To, "/password/change/") {
		b.h.t.Fatalf("not opened: %d %s", v.Status, v.text())
	}
	return v.To
}

func (h *env) count(query string, args ...any) (n int) {
	h.t.Helper()
	must(h.t, storetest.ProbeOf(h.db).Get(&n, query, args...))
	return n
}

// cookies returns the browser's cookies.
func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.h.url)
	must(b.h.t, err)
	return b.http.Jar.Cookies(u)
}

// setCookies sets cookies that the browser had before.
func (b *browser) setCookies(all []*http.Cookie) {
	u, err := url.Parse(b.h.url)
	must(b.h.t, err)
	for _, c := range all {
		c.Path, c.Secure = "/", true
	}
	b.http.Jar.SetCookies(u, all)
}

// sessionDigest returns the digest of the session's token.
func (b *browser) sessionDigest() []byte {
	for _, c := range b.cookies() {
		if c.Name == "__Host-session" {
			return digest(c.Value)
		}
	}
	b.h.t.Fatal("no session")
	return nil
}

func digest(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

func checkDigit(body string) string { return document.CheckDigit(body) }

// switchOn opens the channel.
func (h *env) switchOn() {
	h.t.Helper()
	order := store.ChannelOrder{Channel: store.ChannelWebsite, Action: store.ActionChannelOn, Operator: "operator", Reason: "test"}
	_, err := h.db.Registry().ChangeChannel(h.t.Context(), order, func(e *store.ChannelEntry) error { e.IsOn = true; return nil })
	must(h.t, err)
}

// code returns the code of the only SMS that waits.
func (h *env) code() string {
	h.t.Helper()
	due, _, err := h.db.Outbox().DueSMS(h.t.Context(), 10, store.MediumSMS)
	must(h.t, err)
	if len(due) != 1 {
		h.t.Fatalf("%d SMS", len(due))
	}
	n, err := h.db.Outbox().Notice(due[0])
	must(h.t, err)
	return n.Code
}
