package smssim

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A request is what a centre may send.
type request struct{ stamp, nonce, mac, body string }

// The simulator takes nothing that a gateway could not bill to a centre: every field is checked,
// and a recorded request works once.
func TestStrict(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	s := New(Config{Key: NewKey(), Now: func() time.Time { return now }})
	n := 0
	call := func(r request) int {
		req := httptest.NewRequest("POST", SendPath, strings.NewReader(r.body))
		req.Header.Set("X-Timestamp", r.stamp)
		req.Header.Set("X-Nonce", r.nonce)
		req.Header.Set("X-Signature", r.mac)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		return w.Code
	}
	signed := func(body string, age time.Duration) request {
		n++
		r := request{stamp: strconv.FormatInt(now.Add(-age).Unix(), 10), nonce: fmt.Sprintf("nonce-of-16-bytes-%d", n), body: body}
		r.mac = hex.EncodeToString(s.mac("POST\n" + SendPath + "\n" + r.stamp + "\n" + r.nonce + "\n" + body))
		return r
	}
	const good = `{"to":"14200000001","text":"【示例公积金】验证码123456","out_id":"3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d"}`
	first := signed(good, 0)
	if got := call(first); got != 200 {
		t.Fatalf("good: %d", got)
	}
	if got := call(first); got != 401 {
		t.Errorf("replayed: %d", got)
	}
	changed := signed(good, 0)
	changed.body = strings.Replace(good, "123456", "654321", 1)
	if got := call(changed); got != 401 {
		t.Errorf("changed: %d", got)
	}
	for want, bodies := range map[int][]string{
		401: {},
		400: {`{`, good + good, strings.Replace(good, `"to"`, `"phone"`, 1), strings.Replace(good, "3f2b8c1e", "x", 1)},
		422: {strings.Replace(good, "14200000001", "1420000000", 1), strings.Replace(good, "示例", "其他", 1), strings.Replace(good, "验证码", "【x】", 1),
			strings.Replace(good, "123456", strings.Repeat("长", 400), 1)},
	} {
		for _, body := range bodies {
			if got := call(signed(body, 0)); got != want {
				t.Errorf("%.60s: %d, want %d", body, got, want)
			}
		}
	}
	for _, age := range []time.Duration{61 * time.Second, -61 * time.Second} {
		if got := call(signed(good, age)); got != 401 {
			t.Errorf("%v old: %d", age, got)
		}
	}
	if len(s.Messages()) != 1 {
		t.Errorf("%d messages", len(s.Messages()))
	}
}

// The inbox is a page for people and JSON for programs, newest first. No message is markup.
func TestInbox(t *testing.T) {
	t.Parallel()
	s := New(Config{Key: NewKey()})
	s.send(Message{ID: "1", To: "14200000001", Text: "first <b>"}, "delivered", false)
	s.send(Message{ID: "2", To: "14200000002", Text: "second"}, "delivered", false)
	get := func(path, accept string) string {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.String()
	}
	page := get(InboxPath, "text/html,*/*")
	if a, b := strings.Index(page, "second"), strings.Index(page, "first &lt;b&gt;"); a < 0 || b < a || !strings.Contains(page, `lang="zh-CN"`) {
		t.Errorf("got %s", page)
	}
	var got []Message
	if err := json.Unmarshal([]byte(get(InboxPath+"?to=14200000001", "*/*")), &got); err != nil || len(got) != 1 || got[0].Text != "first <b>" {
		t.Errorf("got %v, %v", got, err)
	}
	if empty := get(InboxPath+"?to=1", ""); strings.TrimSpace(empty) != "[]" {
		t.Errorf("got %s", empty)
	}
}

// A fault is set by name.
func TestSetFault(t *testing.T) {
	t.Parallel()
	s := New(Config{Key: NewKey()})
	for body, want := range map[string]int{
		`{"next":"down"}`: 200, `{"next":"down","count":2}`: 200, `{"next":"down","count":0}`: 200,
		`{"next":"other"}`: 400, `{"next":"down","count":-1}`: 400, `{"more":1}`: 400, ``: 400,
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, FaultPath, strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", body, w.Code, want)
		}
	}
}
