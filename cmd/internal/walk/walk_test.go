package walk

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/cmdtest"
	"fundpass/cmd/internal/terminal"
	"fundpass/miniapp-api/passwd"
)

// walkOn runs fundpass walk and returns its output.
func walkOn(t *testing.T, base string, args ...string) (string, error) {
	t.Helper()
	out := &cmdtest.LogBuffer{}
	err := cmdtest.Execute(t.Context(), append([]string{"walk", "--base", base}, args...), terminal.Stdio{Out: out, Err: out})
	return out.String(), err
}

func TestWalkWithoutDemo(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, tt := range []struct{ name, base, want string }{
		{"nothing there", gone.URL, "no reply from the server"},
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

// fakeDemo starts a server that replies to the first steps of a walk with codes by method
// and path, and returns its URL.
func fakeDemo(t *testing.T, codes map[string]string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/sim/people":
			w.Write([]byte(`[{"person":"ok","name":"林知夏","password":"Maple-Bridge-41"}]`))
		case "/sim/auth-code":
			w.Write([]byte(`{"auth_code":"abc"}`))
		default:
			code := codes[r.Method+" "+r.URL.Path]
			json.NewEncoder(w).Encode(apiclient.Fields{"code": code, "message": "提示", "data": apiclient.Fields{"token": "t"}})
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestWalkFails checks that a walk reports a wrong reply.
func TestWalkFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		codes map[string]string
		want  string
	}{
		{"no session", map[string]string{"POST /v1/sessions": "ALIPAY_UNAVAILABLE"},
			"Step 2 failed: wanted OK, got 200 ALIPAY_UNAVAILABLE"},
		{"a code twice", map[string]string{"POST /v1/sessions": "OK"},
			"Step 3 failed: wanted AUTH_CODE_INVALID, got 200 OK"},
		{"no envelope", map[string]string{}, "Step 2 failed: not a reply of the API"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			screen, err := walkOn(t, fakeDemo(t, tt.codes))
			if !errors.Is(err, errStep) || !strings.Contains(screen, tt.want) || strings.Count(screen, "✗") != 1 {
				t.Errorf("%v, want %s\n%s", err, tt.want, screen)
			}
		})
	}
}

// TestNotes checks what a reply must contain beside its code.
func TestNotes(t *testing.T) {
	t.Parallel()
	three := 3
	for _, tt := range []struct {
		name   string
		note   note
		answer apiclient.Answer
		want   string // "" = the step fails
	}{
		{"session", showSession, apiclient.Answer{Data: []byte(`{"token":"t","expires_in":900,"linked":false}`)}, "valid for 900 s, linked: false"},
		{"session without a token", showSession, apiclient.Answer{Data: []byte(`{"expires_in":900}`)}, ""},
		{"attempts", wantAttempts(3), apiclient.Answer{Message: "密码还可以试3次", Remaining: &three}, "密码还可以试3次"},
		{"other attempts", wantAttempts(2), apiclient.Answer{Remaining: &three}, ""},
		{"no attempts", wantAttempts(0), apiclient.Answer{}, ""},
		{"state", wantState("done"), apiclient.Answer{Data: []byte(`{"state":"done"}`)}, "state done"},
		{"other state", wantState("done"), apiclient.Answer{Data: []byte(`{"state":"open"}`)}, ""},
		{"no broken rule", showBrokenRules, apiclient.Answer{}, ""},
		{"change", showChange, apiclient.Answer{Data: []byte(`{"state":"done","sessions_ended":1}`)}, "done, 1 other session(s) ended"},
		{"change that ended nothing", showChange, apiclient.Answer{Data: []byte(`{"state":"done","sessions_ended":0}`)}, ""},
		{"record", wantRecord("9:30"), apiclient.Answer{Data: []byte(`{"events":[{"at":"9:30","kind":"linked"},{"at":"9:30","kind":"password_changed","text":"密码修改成功"}]}`)}, "密码修改成功, among 2 entries"},
		{"an older record", wantRecord("9:30"), apiclient.Answer{Data: []byte(`{"events":[{"at":"9:29","kind":"password_changed","text":"密码修改成功"}]}`)}, ""},
		{"empty record", wantRecord("9:30"), apiclient.Answer{Data: []byte(`{"events":[]}`)}, ""},
		{"both kinds", wantKinds("a", "b"), apiclient.Answer{Data: []byte(`{"events":[{"kind":"b","text":"二"},{"kind":"a","text":"一"}]}`)}, "一\n二"},
		{"one kind of two", wantKinds("a", "b"), apiclient.Answer{Data: []byte(`{"events":[{"kind":"b","text":"二"}]}`)}, ""},
		{"reset", showState, apiclient.Answer{Data: []byte(`{"state":"failed"}`)}, "state failed"},
		{"reset that is over", showState, apiclient.Answer{Data: []byte(`{"state":"cancelled"}`)}, ""},
		{"ticket", showTicket, apiclient.Answer{Data: []byte(`{"ticket":"t","kid":"k","alg":"RSA-OAEP-256","expires_in":900}`)}, "RSA-OAEP-256, key k, valid for 900 s"},
		{"ticket of another kind", showTicket, apiclient.Answer{Data: []byte(`{"ticket":"t","alg":"none"}`)}, ""},
		{"no object", showSession, apiclient.Answer{Data: []byte(`null`)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.note(tt.answer)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// TestStepLines checks the lines of a step, with wide characters and without a reply.
func TestStepLines(t *testing.T) {
	t.Parallel()
	out := &cmdtest.LogBuffer{}
	s := terminal.NewScreen(terminal.Stdio{Out: out})
	printLine(s, line{number: 9, passed: true, proves: "A wrong old password is refused", note: "原密码错误，密码还可以试4次", answer: apiclient.Answer{
		Request: post("/v1/password/changes/0193a6a0-0000-7000-8000-000000000000/confirm", nil), Status: 403, Code: "OLD_PASSWORD_WRONG", Took: 61 * time.Millisecond,
	}})
	printLine(s, line{number: 10, proves: "修改密码", note: "first\nsecond", answer: apiclient.Answer{Request: get("/v1/password")}})
	want := strings.Join([]string{
		" ✓  9  A wrong old password is refused                  403 OLD_PASSWORD_WRONG",
		"       POST /v1/password/changes/{id}/confirm                              61 ms",
		"       原密码错误，密码还可以试4次",
		" ✗ 10  修改密码                                         no reply",
		"       GET /v1/password                                                     0 ms",
		"       first",
		"       second",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestFreshPassword checks that fresh passwords are accepted and differ.
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
