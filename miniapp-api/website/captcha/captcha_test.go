package captcha_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"html/template"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fundpass/miniapp-api/website/captcha"
	"fundpass/store"
	"fundpass/store/storetest"
)

var browser = []byte("browser")

// An env has two servers over one database.
type env struct {
	t        *testing.T
	db       *store.DB
	one, two *captcha.Captchas
	ahead    atomic.Int64
}

func newEnv(t *testing.T) *env {
	e := &env{t: t}
	cipher, dsn := storetest.NewColumnCipher(t), storetest.Shared(t)
	open := func() *store.DB {
		return storetest.Open(t, dsn, storetest.WithColumnCipher(cipher),
			storetest.WithNow(func() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) }))
	}
	e.db = open()
	e.one, e.two = captcha.New(e.db, "/captcha"), captcha.New(open(), "/captcha")
	return e
}

// field returns a new captcha and its solution.
func (e *env) field() (f captcha.Field, solution string) {
	e.t.Helper()
	f, err := e.one.Field(browser)
	noError(e.t, err)
	digits, err := e.db.OpenOneTime(store.OneTimeCaptcha, browser, f.Token)
	noError(e.t, err)
	for _, d := range digits {
		solution += string('0' + rune(d))
	}
	if len(solution) != captcha.Length {
		e.t.Fatalf("%q", solution)
	}
	return f, solution
}

// The answer is accepted on another server, in each way of writing digits, and once.
func TestCheck(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８", "9", "９")
	for name, write := range map[string]func(string) string{
		"as shown":   func(s string) string { return s },
		"spaces":     func(s string) string { return " " + s[:2] + "　" + s[2:] + " " },
		"full width": wide.Replace,
	} {
		f, solution := e.field()
		if err := e.two.Check(t.Context(), browser, f.Token, write(solution)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, c := range []*captcha.Captchas{e.one, e.two} {
			if err := c.Check(t.Context(), browser, f.Token, solution); !errors.Is(err, captcha.ErrGone) {
				t.Errorf("%s, again: %v", name, err)
			}
		}
	}
}

// A wrong answer uses the captcha up, so that a program has one guess at each.
func TestWrong(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, write := range map[string]func(string) string{
		"empty":          func(string) string { return "" },
		"other digits":   func(s string) string { return string('0'+(s[0]-'0'+1)%10) + s[1:] },
		"too short":      func(s string) string { return s[1:] },
		"too long":       func(s string) string { return s + "0" },
		"twice":          func(s string) string { return s + s },
		"letters":        func(s string) string { return s + "a" },
		"signs":          func(s string) string { return "+" + s },
		"raw bytes":      func(s string) string { return strings.Map(func(r rune) rune { return r - '0' }, s) },
		"other numerals": func(s string) string { return strings.Map(func(r rune) rune { return r - '0' + '٠' }, s) },
		"very long":      func(s string) string { return strings.Repeat(" ", 100) + s },
	} {
		f, solution := e.field()
		if err := e.one.Check(t.Context(), browser, f.Token, write(solution)); !errors.Is(err, captcha.ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
		if err := e.two.Check(t.Context(), browser, f.Token, solution); !errors.Is(err, captcha.ErrGone) {
			t.Errorf("%s, then right: %v", name, err)
		}
	}
}

// A captcha is worth nothing in another browser, after its time, or if it was made up.
func TestGone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	f, solution := e.field()
	gone := func(name string, binding []byte, token string) {
		t.Helper()
		if err := e.one.Check(t.Context(), binding, token, solution); !errors.Is(err, captcha.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
		for _, serve := range []func(http.ResponseWriter, *http.Request, []byte){e.one.ServeImage, e.one.ServeSound} {
			w := httptest.NewRecorder()
			serve(w, httptest.NewRequest(http.MethodGet, "/?t="+token, nil), binding)
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: served with %d", name, w.Code)
			}
		}
	}
	gone("another browser", []byte("another"), f.Token)
	gone("no browser", nil, f.Token)
	gone("made up", browser, "x")
	gone("none", browser, "")
	signIn, err := e.db.NewOneTime(store.OneTimeSignIn, browser, []byte(solution))
	noError(t, err)
	gone("another purpose", browser, signIn)
	e.ahead.Store(int64(store.OneTimeLife))
	gone("expired", browser, f.Token)
	e.ahead.Store(0)
	noError(t, e.one.Check(t.Context(), browser, f.Token, solution))
}

// Of many simultaneous answers on both servers one is compared.
func TestRace(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	f, solution := e.field()
	var passed atomic.Int32
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if []*captcha.Captchas{e.one, e.two}[i%2].Check(t.Context(), browser, f.Token, solution) == nil {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 1 {
		t.Errorf("%d passed", passed.Load())
	}
}

// Both servers serve image and sound, each the same on every request.
func TestMedia(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	f, _ := e.field()
	get := func(serve func(http.ResponseWriter, *http.Request, []byte), url, span string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, url, nil)
		if span != "" {
			r.Header.Set("Range", span)
		}
		w := httptest.NewRecorder()
		serve(w, r, browser)
		return w
	}
	for _, c := range []*captcha.Captchas{e.one, e.two} {
		w := get(c.ServeImage, f.Image, "")
		image, err := png.Decode(bytes.NewReader(w.Body.Bytes()))
		noError(t, err)
		if b := image.Bounds(); b.Dx() != captcha.Width || b.Dy() != captcha.Height || w.Header().Get("Content-Type") != "image/png" {
			t.Errorf("image %v, %v", b, w.Header())
		}
		if again := get(c.ServeImage, f.Image, ""); !bytes.Equal(again.Body.Bytes(), w.Body.Bytes()) {
			t.Error("another image of the same captcha")
		}
		w = get(c.ServeSound, f.Sound, "")
		sound := w.Body.Bytes()
		if len(sound) < 5*8000 || string(sound[:4]) != "RIFF" || string(sound[8:12]) != "WAVE" || int(binary.LittleEndian.Uint32(sound[4:]))+8 != len(sound) {
			t.Errorf("sound of %d bytes", len(sound))
		}
		part := get(c.ServeSound, f.Sound, "bytes=0-1")
		if part.Code != http.StatusPartialContent || part.Body.String() != "RI" {
			t.Errorf("range: %d, %q", part.Code, part.Body)
		}
	}
}

// The page neither shows the digits nor depends on a script, and labels what it has.
func TestFragment(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	page := template.Must(template.New("").Parse(captcha.Fragment))
	for _, problem := range []string{"", "请输入新的数字"} {
		f, _ := e.field()
		f.Error = problem
		digits, err := e.db.OpenOneTime(store.OneTimeCaptcha, browser, f.Token)
		noError(t, err)
		var b strings.Builder
		noError(t, page.ExecuteTemplate(&b, "captcha", f))
		noError(t, page.ExecuteTemplate(&b, "captcha-again", f))
		html := b.String()
		for _, part := range []string{f.Token, f.Image, f.Sound, `name="` + captcha.FieldToken + `"`, `for="` + captcha.FieldAnswer + `"`,
			`id="` + captcha.FieldAnswer + `" name="` + captcha.FieldAnswer + `"`, `name="` + captcha.FieldAgain + `"`, "<legend>", "alt=", "<audio controls", problem} {
			if !strings.Contains(html, part) {
				t.Errorf("no %s in %s", part, html)
			}
		}
		solution := strings.Map(func(r rune) rune { return r + '0' }, string(digits))
		if strings.Contains(strings.ReplaceAll(html, f.Token, ""), solution) || strings.Contains(html, "<script") {
			t.Errorf("digits or a script in %s", html)
		}
		if wrong := strings.Contains(html, `aria-invalid="true"`); wrong != (problem != "") {
			t.Errorf("%q: invalid %v", problem, wrong)
		}
	}
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
