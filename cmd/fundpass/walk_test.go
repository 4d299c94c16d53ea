package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"fundpass/miniapp-api/passwd"
	"fundpass/signing/alipaysim"
)

func unmarshal(t *testing.T, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
}

// mustPost fails the test when there is no answer.
func (p *client) mustPost(t *testing.T, path string, body fields) answer {
	t.Helper()
	a, err := p.post(t.Context(), path, body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return a
}

func linkOf(who alipaysim.Person, password string) fields {
	return fields{"name": who.Name, "id_type": who.IDType, "id_number": who.IDNumber, "account_no": who.AccountNo, "password": password}
}

// walkOn runs fundpass walk and returns its screen.
func walkOn(t *testing.T, base string, args ...string) (string, error) {
	t.Helper()
	out := &logBuffer{}
	err := run(t.Context(), append([]string{"walk", "--base", base}, args...), stdio{out: out, err: out})
	return out.String(), err
}

// testWalkTwice: a walk holds again and again, leaves everything as it was,
// and shows no secret.
func (d *runningDemo) testWalkTwice(t *testing.T) {
	who := storyOf(t, "ok").person()
	for _, linked := range []bool{false, true} {
		screen, err := walkOn(t, d.url+"/")
		if err != nil {
			t.Fatalf("%v\n%s", err, screen)
		}
		if strings.Contains(screen, "✗") || !regexp.MustCompile(`All \d\d steps held, in \d+\.\d s\.\n$`).MatchString(screen) {
			t.Errorf("screen:\n%s", screen)
		}
		for _, secret := range []string{who.Password, who.IDNumber, who.Name, "Bearer", "token"} {
			if strings.Contains(screen, secret) {
				t.Errorf("the screen shows %q", secret)
			}
		}
		checkColumns(t, screen)
		p := d.client()
		if a, err := p.logIn(t.Context(), "ok"); err != nil || a.object()["linked"] != linked {
			t.Errorf("found linked: %v, left otherwise: %s %v", linked, a.raw, err)
		}
		if linked {
			break
		}
		if a := p.mustPost(t, "/v1/link", linkOf(who, who.Password)); a.Code != "OK" {
			t.Errorf("the listed password: %s", a.raw)
		}
	}
	t.Run("initial", func(t *testing.T) {
		screen, err := walkOn(t, d.url, "--person", "initial")
		made := regexp.MustCompile(`initial's password is now (\S+), made up`).FindStringSubmatch(screen)
		if err != nil || made == nil {
			t.Fatalf("%v\n%s", err, screen)
		}
		p, who := d.client(), storyOf(t, "initial").person()
		p.logIn(t.Context(), "initial")
		if a := p.mustPost(t, "/v1/link", linkOf(who, made[1])); a.Code != "OK" {
			t.Errorf("the password told: %s", a.raw)
		}
	})
	t.Run("frozen", func(t *testing.T) {
		screen, err := walkOn(t, d.url, "--person", "frozen_account")
		if !errors.Is(err, errStep) || !strings.Contains(screen, "wanted OK, got 423 ACCOUNT_FROZEN") {
			t.Errorf("%v\n%s", err, screen)
		}
		if a, err := d.client().logIn(t.Context(), "frozen_account"); err != nil || a.object()["linked"] != false {
			t.Errorf("the walk left a link: %s %v", a.raw, err)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		if _, err := walkOn(t, d.url, "--person", "nobody"); err == nil || !strings.Contains(err.Error(), `no person "nobody"`) {
			t.Error(err)
		}
	})
}

// checkColumns: what was answered, and how long it took, stand in one column,
// however many Chinese characters are before them.
func checkColumns(t *testing.T, screen string) {
	t.Helper()
	answers := regexp.MustCompile(`^( [✓✗] .*?)\d{3} [A-Z_a-z]+ +<?\d+ ms$`)
	n := 0
	for line := range strings.Lines(screen) {
		line = strings.TrimSuffix(line, "\n")
		m := answers.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n++
		if got := text.StringWidth(m[1]); got != answerColumn {
			t.Errorf("answer in column %d: %s", got, line)
		}
		if got := text.StringWidth(line); got != tookColumn+8 {
			t.Errorf("%d columns: %s", got, line)
		}
	}
	if n < 20 {
		t.Errorf("only %d steps:\n%s", n, screen)
	}
}

func TestWalkWithoutDemo(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, tt := range []struct{ name, base, want string }{
		{"nothing there", gone.URL, "nothing answers there"},
		{"another server", foreign.URL, "is not a demo: GET /sim/people gives status 404"},
		{"no URL", "127.0.0.1:8080", "is not a URL such as"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			screen, err := walkOn(t, tt.base)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.base) || screen != "" {
				t.Errorf("got %v, want %s\n%s", err, tt.want, screen)
			}
		})
	}
}

// A fakeDemo answers a walk's first steps as told: code by method and path.
func fakeDemo(t *testing.T, codes map[string]string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/sim/people":
			w.Write([]byte(`[{"person":"ok","name":"林知夏","password":"Maple-Bridge-41"}]`))
		case "/sim/auth-code":
			w.Write([]byte(`{"auth_code":"abc"}`))
		default:
			code := codes[r.Method+" "+r.URL.Path]
			json.NewEncoder(w).Encode(fields{"code": code, "message": "提示", "data": fields{"token": "t"}})
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A walk notices what does not hold.
func TestWalkNotices(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		codes map[string]string
		want  string
	}{
		{"no session", map[string]string{"POST /v1/sessions": "ALIPAY_UNAVAILABLE"},
			"Step 2 did not hold: wanted OK, got 200 ALIPAY_UNAVAILABLE"},
		{"a code twice", map[string]string{"POST /v1/sessions": "OK"},
			"Step 3 did not hold: wanted AUTH_CODE_INVALID, got 200 OK"},
		{"no envelope", map[string]string{}, "Step 2 did not hold: the answer is not the API's"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			screen, err := walkOn(t, fakeDemo(t, tt.codes))
			if !errors.Is(err, errStep) || !strings.Contains(screen, tt.want) || strings.Count(screen, "✗") != 1 {
				t.Errorf("%v, want %s\n%s", err, tt.want, screen)
			}
		})
	}
}

// What an answer must say beside its code.
func TestNotes(t *testing.T) {
	t.Parallel()
	three := 3
	for _, tt := range []struct {
		name   string
		note   note
		answer answer
		want   string // "" = it does not hold
	}{
		{"session", showSession, answer{Data: []byte(`{"token":"t","expires_in":900,"linked":false}`)}, "good for 900 s, linked: false"},
		{"session without a token", showSession, answer{Data: []byte(`{"expires_in":900}`)}, ""},
		{"attempts", wantAttempts(3), answer{Message: "还可以输入3次", Remaining: &three}, "还可以输入3次"},
		{"other attempts", wantAttempts(2), answer{Remaining: &three}, ""},
		{"no attempts", wantAttempts(0), answer{}, ""},
		{"state", wantState("done"), answer{Data: []byte(`{"state":"done"}`)}, "state done"},
		{"other state", wantState("done"), answer{Data: []byte(`{"state":"open"}`)}, ""},
		{"no broken rule", showBrokenRules, answer{}, ""},
		{"change", showChange, answer{Data: []byte(`{"state":"done","sessions_ended":1}`)}, "done, 1 other session(s) ended"},
		{"change that ended nothing", showChange, answer{Data: []byte(`{"state":"done","sessions_ended":0}`)}, ""},
		{"record", wantRecord("9:30"), answer{Data: []byte(`{"events":[{"at":"9:30","kind":"linked"},{"at":"9:30","kind":"password_changed","text":"密码修改成功"}]}`)}, "密码修改成功, among 2 entries"},
		{"an older record", wantRecord("9:30"), answer{Data: []byte(`{"events":[{"at":"9:29","kind":"password_changed","text":"密码修改成功"}]}`)}, ""},
		{"empty record", wantRecord("9:30"), answer{Data: []byte(`{"events":[]}`)}, ""},
		{"both kinds", wantKinds("a", "b"), answer{Data: []byte(`{"events":[{"kind":"b","text":"二"},{"kind":"a","text":"一"}]}`)}, "一\n二"},
		{"one kind of two", wantKinds("a", "b"), answer{Data: []byte(`{"events":[{"kind":"b","text":"二"}]}`)}, ""},
		{"reset", showState, answer{Data: []byte(`{"state":"failed"}`)}, "state failed"},
		{"reset that is over", showState, answer{Data: []byte(`{"state":"cancelled"}`)}, ""},
		{"ticket", showTicket, answer{Data: []byte(`{"ticket":"t","kid":"k","alg":"RSA-OAEP-256","expires_in":900}`)}, "RSA-OAEP-256, key k, good for 900 s"},
		{"ticket of another kind", showTicket, answer{Data: []byte(`{"ticket":"t","alg":"none"}`)}, ""},
		{"no object", showSession, answer{Data: []byte(`null`)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.note(tt.answer)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// The lines of a step, with wide characters and without an answer.
func TestStepLines(t *testing.T) {
	t.Parallel()
	out := &logBuffer{}
	s := newScreen(out)
	s.line(line{number: 9, held: true, proves: "A wrong old password is refused", note: "原密码错误，还可以输入4次", answer: answer{
		request: post("/v1/password/changes/0193a6a0-0000-7000-8000-000000000000/confirm", nil), status: 403, Code: "OLD_PASSWORD_WRONG", took: 61 * time.Millisecond,
	}})
	s.line(line{number: 10, proves: "修改密码", note: "first\nsecond", answer: answer{request: get("/v1/password")}})
	want := strings.Join([]string{
		" ✓  9  A wrong old password is refused                  403 OLD_PASSWORD_WRONG         61 ms",
		"       POST /v1/password/changes/{id}/confirm           原密码错误，还可以输入4次",
		" ✗ 10  修改密码                                         no answer                       0 ms",
		"       GET /v1/password                                 first",
		"                                                        second",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// A fresh password is allowed, and never the same.
func TestFreshPassword(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 500 {
		p := freshPassword()
		if broken := passwd.Default().Check(passwd.NewSecret(p), passwd.Subject{}); len(broken) > 0 || seen[p] {
			t.Fatalf("%s: %v", p, broken)
		}
		seen[p] = true
	}
}

func TestInProcess(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
		r.Write(w)
	})}}
	resp, err := client.Post("http://demo/tea", "text/plain", strings.NewReader("earl grey"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot || resp.Header.Get("X-Path") != "/tea" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, err = client.Get("http://demo/"); err != nil || resp.StatusCode != http.StatusTeapot {
		t.Errorf("GET: %v %v", resp, err)
	}
}
