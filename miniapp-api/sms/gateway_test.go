package sms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/sms/smssim"
	"fundpass/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const testPhone, testCode = "14200000001", "246802"

// codeMessage returns a message with a code.
func codeMessage() Message {
	return Message{ID: uuid.NewString(), Kind: "code_reset", Phone: testPhone, Code: testCode}
}

// newSim returns a simulator, its gateway and its key.
func newSim(t *testing.T) (*smssim.Sim, *Gateway, []byte) {
	t.Helper()
	key := smssim.NewKey()
	sim := smssim.New(smssim.Config{Key: key})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	g, err := New(smssim.Description(server.URL), append(key, '\n'))
	must(t, err)
	return sim, g, key
}

// The gateway gets what it demands, signed, and the citizen a text that says what the code is
// for.
func TestSend(t *testing.T) {
	t.Parallel()
	sim, g, _ := newSim(t)
	code := codeMessage()
	must(t, g.Send(t.Context(), code))
	must(t, g.Send(t.Context(), code)) // again, as after a lost answer
	must(t, g.Send(t.Context(), Message{ID: uuid.NewString(), Kind: store.NoticePasswordChanged, Phone: testPhone, At: time.Date(2026, 11, 30, 13, 5, 0, 0, time.UTC)}))
	got := sim.Messages()
	want := []string{
		"【示例公积金】验证码246802，用于重置公积金密码，5分钟内有效。不要告诉任何人，工作人员也不会向您索要。",
		"【示例公积金】您的公积金密码已于11月30日21:05修改。如非本人操作，请立即拨打12329或到柜台冻结密码。",
	}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i].Text != want[i] || got[i].To != testPhone {
			t.Errorf("got %+v, want %s", got[i], want[i])
		}
	}
	for _, kind := range []string{"code_other", "", store.NoticeTransferRequested} {
		if err := g.Send(t.Context(), Message{ID: uuid.NewString(), Kind: kind, Phone: testPhone}); !errors.Is(err, ErrUnknownKind) {
			t.Errorf("%q: %v", kind, err)
		}
	}
	for _, landline := range []string{"", "0571-88888888", "24200000001", "1420000000x"} {
		m := codeMessage()
		m.Phone = landline
		if err := g.Send(t.Context(), m); !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", landline, err)
		}
	}
	if err := g.Send(t.Context(), Message{ID: uuid.NewString(), Kind: "code_reset", Phone: testPhone}); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("without a code: %v", err)
	}
}

// Whatever the gateway does, the error says whether a repetition helps, and a repetition sends
// nothing twice. No error shows phone, code or key.
func TestFaults(t *testing.T) {
	t.Parallel()
	for fault, tt := range map[string]struct {
		err        error
		sent, then int // messages after the fault, and after a repetition
	}{
		"slow":      {ErrUnavailable, 1, 1},
		"down":      {ErrUnavailable, 0, 1},
		"refuse":    {ErrRefused, 0, 1},
		"duplicate": {nil, 2, 2},
		"lost":      {ErrUnavailable, 1, 1},
		"html":      {ErrUnavailable, 0, 1},
		"huge":      {ErrUnavailable, 0, 1},
		"redirect":  {ErrUnavailable, 0, 1},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			sim, g, key := newSim(t)
			m := codeMessage()
			sim.Fail(fault, 1)
			sending := t.Context()
			if fault == "slow" {
				patient, stop := context.WithCancel(t.Context())
				defer stop()
				sending = patient
				go func() {
					for len(sim.Messages()) == 0 {
						time.Sleep(time.Millisecond)
					}
					stop()
				}()
			}
			err := g.Send(sending, m)
			if !errors.Is(err, tt.err) || len(sim.Messages()) != tt.sent {
				t.Errorf("%v, %d sent; want %v, %d", err, len(sim.Messages()), tt.err, tt.sent)
			}
			if err != nil {
				for _, secret := range []string{testPhone, testCode, string(key), "验证码"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error shows %q: %v", secret, err)
					}
				}
			}
			must(t, g.Send(t.Context(), m))
			if len(sim.Messages()) != tt.then {
				t.Errorf("%d sent after a repetition, want %d", len(sim.Messages()), tt.then)
			}
		})
	}
}

// newElsewhere returns a gateway that sends the centre to another host, which fails the test if
// it gets a message.
func newElsewhere(t *testing.T) (*httptest.Server, []byte) {
	t.Helper()
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("the message went to another host")
		_, _ = io.WriteString(w, `{"code":"0"}`)
	}))
	t.Cleanup(thief.Close)
	server := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	return server, smssim.NewKey()
}

// A call has limits, and goes nowhere else.
func TestClientLimits(t *testing.T) {
	t.Parallel()
	_, g, _ := newSim(t)
	if g.client.Timeout != callTime || g.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("no time limit, or a proxy of the environment")
	}
	elsewhere, key := newElsewhere(t)
	moved, err := New(smssim.Description(elsewhere.URL), key)
	must(t, err)
	if err := moved.Send(t.Context(), codeMessage()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a redirect: %v", err)
	}
	server := httptest.NewServer(nil)
	server.Close()
	gone, err := New(smssim.Description(server.URL), smssim.NewKey())
	must(t, err)
	if err := gone.Send(t.Context(), codeMessage()); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), smssim.SendPath) {
		t.Errorf("got %v", err)
	}
}

// A gateway with forms, a bearer key and templates of its own needs no code either.
func TestFormGateway(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var form url.Values
	var auth string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = r.ParseForm()
		form, auth = r.PostForm, r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"results":[{"ok":true}]}`)
	}))
	t.Cleanup(server.Close)
	d := map[string]any{
		"name": "x", "url": server.URL, "headers": map[string]string{"content-type": "application/x-www-form-urlencoded", "Authorization": "Bearer {{key}}"},
		"body": "to={{phone}}&t={{template}}&p={{code}}&id={{id}}&text={{text}}", "signature": "甲&乙=丙",
		"templates": map[string]string{"code_reset": "SMS_1"}, "success": map[string]any{"pointer": "/results/0/ok", "values": []string{"true"}},
	}
	raw, err := json.Marshal(d)
	must(t, err)
	g, err := New(raw, []byte("0123456789abcdef"))
	must(t, err)
	m := codeMessage()
	must(t, g.Send(t.Context(), m))
	mu.Lock()
	defer mu.Unlock()
	if form.Get("to") != testPhone || form.Get("t") != "SMS_1" || form.Get("p") != testCode || form.Get("id") != m.ID ||
		!strings.HasPrefix(form.Get("text"), "【甲&乙=丙】验证码") || len(form) != 5 || auth != "Bearer 0123456789abcdef" {
		t.Errorf("got %v, %q", form, auth)
	}
	if err := g.Send(t.Context(), Message{ID: m.ID, Kind: "code_link", Phone: testPhone, Code: testCode}); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("a kind without a template: %v", err)
	}
}

// What is wrong with a description is said before anything is sent.
func TestDescriptions(t *testing.T) {
	t.Parallel()
	change := func(field string, value any) func(map[string]any) {
		return func(d map[string]any) { d[field] = value }
	}
	header := func(name, value string) func(map[string]any) {
		return func(d map[string]any) { d["headers"].(map[string]any)[name] = value }
	}
	receipt := func(field string, value any) func(map[string]any) {
		return func(d map[string]any) { d["receipt"].(map[string]any)[field] = value }
	}
	for wrong, f := range map[string]func(map[string]any){
		"":                                 func(map[string]any) {},
		"not the JSON":                     change("more", 1),
		"name is missing":                  change("name", ""),
		"neither POST nor PUT":             change("method", "GET"),
		"is not https":                     change("url", "http://sms.example/v1"),
		"url is not an https":              change("url", "https://user:pass@sms.example/v1"),
		"without user, fragment":           change("url", "https://sms.example/v1?to={{phone}}"),
		"no header contains":               header("X-Signature", "x"),
		"invalid name or value":            header("X-More", "a\r\nX: b"),
		"headers contains {{code}}":        header("X-More", "{{code}}"),
		"sign does not contain {{body}}":   change("sign", "{{timestamp}}"),
		"sign contains {{phone}}":          change("sign", "{{body}}{{phone}}"),
		"does not contain {{phone}}":       change("body", `{"text":"{{text}}","id":"{{id}}"}`),
		"neither {{text}} nor":             change("body", `{"to":"{{phone}}","id":"{{id}}"}`),
		"body is not JSON":                 change("body", `{"to":{{phone}},"text":"{{text}}","id":"{{id}}"}`),
		"body contains {{key}}":            change("body", `{"to":"{{phone}}","text":"{{text}}","id":"{{id}}","k":"{{key}}"}`),
		"neither application/json":         header("Content-Type", "text/plain"),
		"without 【】":                       change("signature", "【x】"),
		"success is missing":               change("success", map[string]any{}),
		"without values":                   change("success", map[string]any{"pointer": "/code"}),
		"receipt needs mac_header":         receipt("sign", "{{timestamp}}"),
		"receipt needs the JSON pointers":  receipt("delivered", []string{}),
		"reply is not JSON":                receipt("reply", "{"),
		"encoding is neither":              change("encoding", "base32"),
		"timestamp is neither":             change("timestamp", "rfc3339"),
		"receipt.sign contains {{method}}": receipt("sign", "{{timestamp}}{{body}}{{method}}"),
	} {
		var d map[string]any
		must(t, json.Unmarshal(smssim.Description("https://sms.example"), &d))
		f(d)
		raw, err := json.Marshal(d)
		must(t, err)
		_, err = New(raw, smssim.NewKey())
		if wrong == "" {
			must(t, err)
		} else if err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("want %q, got %v", wrong, err)
		}
	}
	good := smssim.Description("https://sms.example")
	for _, key := range []string{"", "short", "0123456789\n0123456789"} {
		if _, err := New(good, []byte(key)); err == nil || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("key %q: %v", key, err)
		}
	}
	if _, err := New(append(good, "{}"...), smssim.NewKey()); err == nil {
		t.Error("two values")
	}
}

// Every text is whole, fits into a message, and a code is never to be told.
func TestTexts(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"code_sign_in", "code_reset", "code_link", "code_device"} {
		text, ok := Text(Message{Kind: kind, Code: testCode})
		warned := strings.Contains(text, "非本人操作请改密码") == (kind != "code_reset") // who requested it had the password
		if !ok || !warned || !strings.HasPrefix(text, "验证码"+testCode+"，用于") || !strings.Contains(text, "不要告诉任何人") || len([]rune(text)) > 67 {
			t.Errorf("%s: %s", kind, text)
		}
	}
	at := time.Date(2026, 3, 1, 16, 30, 0, 0, time.UTC)
	for kind := range noticeTexts {
		text, ok := Text(Message{Kind: kind, At: at})
		if !ok || !Sends(kind) || strings.Contains(text, "%") || !strings.Contains(text, "3月2日00:30") || len([]rune(text)) > 67 {
			t.Errorf("%s: %s", kind, text)
		}
	}
	if Sends("code_reset") || Sends(store.NoticeTransferRejected) {
		t.Error("sends what is no notice by SMS")
	}
}

// A MAC in base64 is that of the bytes.
func TestEncoding(t *testing.T) {
	t.Parallel()
	g := &Gateway{d: Description{Encoding: "base64"}}
	sum := mac([]byte("key"), "text")
	back, err := g.decode(g.encode(sum))
	must(t, err)
	if string(back) != string(sum) || g.encode(sum) != base64.StdEncoding.EncodeToString(sum) {
		t.Error("not the same")
	}
}
