package httpapi_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"fundpass/signing/alipaysim"
)

// payload returns the result of my.getPhoneNumber on the citizen's phone.
func (h *env) payload(c citizen, fault string) []byte {
	h.t.Helper()
	text, err := h.sim.Phone(c.Person.Person, fault)
	must(h.t, err)
	return []byte(text)
}

// proven returns the phone number bound to the session, or "".
func (p *client) proven() string {
	p.h.t.Helper()
	return p.h.provenBy(p.token)
}

func (h *env) provenBy(token string) string {
	h.t.Helper()
	session, err := h.db.Session(h.t.Context(), digestOf(token))
	must(h.t, err)
	return session.Phone
}

func (p *client) show(payload []byte, headers ...header) reply {
	p.h.t.Helper()
	return p.send("POST", "/v1/phone", payload, headers...)
}

func TestPhone(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	mask := c.Phone[:3] + "******" + c.Phone[9:]
	p := h.logIn(c)
	if got := p.show(h.payload(c, "")).want(t, "OK").Data; string(got) != `{"phone":"`+mask+`","matches_record":null}` {
		t.Errorf("before the link: %s", got)
	}
	if got := p.proven(); got != c.Phone {
		t.Errorf("bound to the session: %q", got)
	}
	p.post("/v1/link", c.linkBody()).want(t, "OK")
	again := h.logIn(c)
	if again.proven() != "" {
		t.Error("a new session has a phone")
	}
	for _, visit := range []*client{p, p, again} { // the payload is deterministic
		if got := visit.show(h.payload(c, "")).want(t, "OK").Data; string(got) != `{"phone":"`+mask+`","matches_record":true}` {
			t.Errorf("linked: %s", got)
		}
	}
	moved := h.citizen()
	q := h.linkedClient(moved)
	moved.Phone = "19912340000"
	h.sim.Add(moved.Person)
	if got := q.show(h.payload(moved, "")).want(t, "OK").Data; string(got) != `{"phone":"199******00","matches_record":false}` {
		t.Errorf("number not on file: %s", got)
	}
	if got := q.proven(); got != moved.Phone {
		t.Errorf("bound to the session: %q", got)
	}
}

var idOfRequest = regexp.MustCompile(`"request_id":"[^"]*"`)

// spoilt returns payloads that must all be refused, including good, another citizen's valid
// one.
func (h *env) spoilt(thief citizen, good string) map[string]string {
	h.t.Helper()
	without := func(member string) string {
		var o map[string]string
		must(h.t, json.Unmarshal([]byte(good), &o))
		delete(o, member)
		raw, err := json.Marshal(o)
		must(h.t, err)
		return string(raw)
	}
	stranger, err := alipaysim.New(alipaysim.Config{AppID: h.appID, AppKey: &testKeys().PublicKey, ContentKey: testContentKey})
	must(h.t, err)
	stranger.Add(thief.Person)
	foreign, err := stranger.Phone(thief.Person.Person, "")
	must(h.t, err)
	payloads := map[string]string{
		"another's": good, "another Alipay": foreign, "nothing": "{}", "null": "null",
		"no response": without("response"), "no sign": without("sign"), "SHA-1": strings.Replace(good, `"RSA2"`, `"RSA"`, 1),
		"in the clear": `{"response":"{\"code\":\"10000\",\"mobile\":\"` + thief.Phone + `\"}","sign":"AAAA","sign_type":"RSA2"}`,
	}
	for fault := range alipaysim.PhoneFaults() {
		payloads[fault] = string(h.payload(thief, fault))
	}
	return payloads
}

// Every invalid payload gets the same bytes and binds nothing. The log distinguishes the causes
// without values.
func TestPhoneRefused(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c, thief := h.citizen(), h.citizen()
	p, q := h.linkedClient(c), h.linkedClient(thief)
	good := string(h.payload(c, ""))
	p.show([]byte(good)).want(t, "OK")
	payloads := h.spoilt(thief, good)
	answers := map[string][]string{}
	for name, payload := range payloads {
		r := q.show([]byte(payload)).want(t, "PHONE_REFUSED")
		if r.HTTP != 403 {
			t.Errorf("%s: HTTP %d", name, r.HTTP)
		}
		text := idOfRequest.ReplaceAllString(r.Raw, "")
		answers[text] = append(answers[text], name)
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
	if got := q.proven(); got != "" {
		t.Errorf("bound to the session: %q", got)
	}
	logs := h.logs.String()
	for _, want := range []string{"another user has sent this phone payload before", "phone payload not valid", "the content key is not the one in Alipay's console"} {
		if !strings.Contains(logs, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for _, secret := range []string{c.Phone, thief.Phone, good[20:60]} {
		if strings.Contains(logs, secret) {
			t.Error("the log repeats the payload or a phone number")
		}
	}
	q.show(h.payload(thief, "")).want(t, "OK")
}

// Of two Alipay users who send one payload, fifty times concurrently over two processes, one
// gets it every time and the other never.
func TestPhonePayloadHasOneOwner(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	other := h.listen(h.newServer())
	for round := range 5 {
		c, thief := h.citizen(), h.citizen()
		clients := []*client{h.logIn(c), h.logIn(thief)}
		clients[1].url = other
		payload := h.payload(c, "")
		codes := make([]string, 50)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() { codes[i] = clients[i%2].show(payload).Code })
		}
		wg.Wait()
		won := map[int]map[string]int{0: {}, 1: {}}
		for i, code := range codes {
			won[i%2][code]++
		}
		text := fmt.Sprint(won[0], won[1])
		if text != "map[OK:25] map[PHONE_REFUSED:25]" && text != "map[PHONE_REFUSED:25] map[OK:25]" {
			t.Errorf("round %d: %s", round, text)
		}
		if bound := clients[0].proven() + clients[1].proven(); bound != c.Phone {
			t.Errorf("round %d: bound %q", round, bound)
		}
	}
}

// Bodies that are not a payload's JSON and requests without a session are refused as elsewhere.
func TestPhoneBodies(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(c)
	good := string(h.payload(c, ""))
	for _, tt := range []struct{ name, body, code string }{
		{"wrong case", strings.Replace(good, `"sign"`, `"Sign"`, 1), "PHONE_REFUSED"}, // a key that Alipay may add, and no sign
		{"duplicate", strings.Replace(good, "{", `{"sign":"AAAA",`, 1), "BAD_REQUEST"},
		{"two", good + good, "BAD_REQUEST"},
		{"array", "[]", "BAD_REQUEST"},
		{"number", strings.Replace(good, `"RSA2"`, "2", 1), "BAD_REQUEST"},
		{"control character", strings.Replace(good, `"UTF-8"`, `"\u0000"`, 1), "BAD_REQUEST"},
		{"not JSON", "response=x", "BAD_REQUEST"},
		{"long", strings.Repeat(" ", 17<<10) + good, "PAYLOAD_TOO_LARGE"},
	} {
		p.show([]byte(tt.body)).want(t, tt.code)
	}
	h.client().show([]byte(good)).want(t, "SESSION_REQUIRED")
	key := header{"Idempotency-Key", "one"}
	first := p.show([]byte(good), key).want(t, "OK")
	if second := p.show([]byte(good), key).want(t, "OK"); string(second.Data) != string(first.Data) {
		t.Errorf("%s, then %s", first.Data, second.Data)
	}
	p.post("/v1/sessions/end", m{}).want(t, "OK")
	p.show([]byte(good)).want(t, "SESSION_EXPIRED")
}

// Without the content key the function is not offered. A running server accepts what a new key
// encrypted.
func TestContentKeyChanges(t *testing.T) {
	t.Parallel()
	h := newEnv(t, func(c *Config) { c.ContentKey = nil })
	c := h.citizen()
	p := h.logIn(c)
	payload := h.payload(c, "")
	if r := p.show(payload).want(t, "NOT_OFFERED"); r.HTTP != 404 {
		t.Errorf("HTTP %d", r.HTTP)
	}
	h.server.provider.ReplaceContentKey([]byte("fedcba9876543210"))
	p.show(payload).want(t, "PHONE_REFUSED")
	h.server.provider.ReplaceContentKey(testContentKey)
	p.show(payload).want(t, "OK")
	h.server.provider.ReplaceContentKey(nil)
	p.show(payload).want(t, "NOT_OFFERED")
}

func digestOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
