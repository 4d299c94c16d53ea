package httpapi_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/httpapi"
)

// wire returns the address of the API as it listens in production.
func (h *env) wire() string {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	s := httpapi.HTTPServer(h.server.Handler(), slog.New(slog.DiscardHandler))
	go s.Serve(h.server.Envelopes(l))
	h.t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// say writes text to a new connection, reads one reply, and reports whether the server closes
// the connection after it.
func say(t *testing.T, addr, text string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, text)
	must(t, err)
	rsp, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(t, err)
	body, err := io.ReadAll(rsp.Body)
	must(t, err)
	return rsp, string(body)
}

// Error replies of net/http itself are envelopes, too.
func TestRefusalsOfTheServer(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	addr := h.wire()
	for name, text := range map[string]string{
		"no request line":       "canary\r\n\r\n",
		"HTTP/0.9":              "GET /\r\n\r\n",
		"version":               "GET / HTTP/3.7\r\nHost: x\r\n\r\n",
		"no host":               "GET /healthz HTTP/1.1\r\n\r\n",
		"two hosts":             "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"odd host":              "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
		"header with a blank":   "GET /healthz HTTP/1.1\r\nHost: x\r\nA canary: b\r\n\r\n",
		"header too large":      "GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("c", 64<<10) + "\r\n\r\n",
		"two lengths":           "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"length below 0":        "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"length beyond numbers": "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"unknown encoding":      "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
		"expectation":           "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: canary\r\n\r\n",
		"odd method":            "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
		"odd path":              "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rsp, body := say(t, addr, text)
			var r reply
			if err := json.Unmarshal([]byte(body), &r); err != nil {
				t.Fatalf("no envelope: %d %q", rsp.StatusCode, body)
			}
			if r.Code != "BAD_REQUEST" || r.Status != 400 || rsp.StatusCode != 400 || r.RequestID == "" || !rsp.Close || strings.Contains(body, "canary") {
				t.Errorf("%d, %s", rsp.StatusCode, body)
			}
			checkHeaders(t, rsp.Header)
			if !strings.Contains(h.logs.String(), r.RequestID) {
				t.Error("it is not logged")
			}
		})
	}
	if rsp, body := say(t, addr, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); rsp.StatusCode != 200 || !strings.Contains(body, "alive") {
		t.Errorf("what is right: %d %s", rsp.StatusCode, body)
	}
	// A text/plain reply of a handler is unchanged.
	if _, body := say(t, addr, "POST /alipay/notifications HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\na=b"); body != "fail" {
		t.Errorf("Alipay reads %q", body)
	}
}

// A Content-Length above the limit is refused before the body is read.
func TestAnnouncedBodies(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	addr := h.wire()
	for _, length := range []string{"16385", "100000", "10000000000"} {
		rsp, body := say(t, addr, "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+length+"\r\n\r\n")
		if rsp.StatusCode != 413 || !strings.Contains(body, "PAYLOAD_TOO_LARGE") || !rsp.Close {
			t.Errorf("%s bytes: %d %s", length, rsp.StatusCode, body)
		}
	}
	for path, want := range map[string]string{"/alipay/notifications": "fail", "/alipay/spi": "ISV-VERIFICATION-FAILED"} {
		_, body := say(t, addr, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000000000\r\n\r\n")
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// The authentication scheme is case-insensitive (RFC 9110, section 11.1).
func TestBearerInAnyCase(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	token := h.logIn(h.citizen()).token
	for value, code := range map[string]string{
		"Bearer " + token: "OK", "bearer " + token: "OK", "BEARER  " + token: "OK",
		"Bearer" + token: "SESSION_REQUIRED", "Bearer ": "SESSION_REQUIRED", "bearer": "SESSION_REQUIRED", "Basic " + token: "SESSION_REQUIRED", token: "SESSION_REQUIRED",
		"bearer x" + token: "SESSION_EXPIRED",
	} {
		h.client().send("GET", "/v1/consents", nil, header{"Authorization", value}).want(t, code)
	}
}

// A malformed id is a path that does not exist. An unknown id has the state unknown and is
// returned as sent.
func TestMalformedIDs(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	for _, kind := range []string{"changes", "resets"} {
		for _, id := range []string{"x", "1", "canary-3f2b8c1e", uuid.NewString() + "x", uuid.Nil.String()} {
			if r := p.get("/v1/password/"+kind+"/"+id).want(t, "NOT_FOUND"); r.HTTP != 404 || strings.Contains(r.Raw, "canary") {
				t.Errorf("%s: %s", id, r.Raw)
			}
			p.post("/v1/password/"+kind+"/"+id+"/cancel", m{}).want(t, map[string]string{"changes": "CHANGE_GONE", "resets": "RESET_GONE"}[kind])
		}
		id := uuid.NewString()
		r := p.get("/v1/password/"+kind+"/"+id).want(t, "OK")
		if r.get(t, "id") != id || r.get(t, "state") != "unknown" {
			t.Errorf("unknown: %s", r.Raw)
		}
	}
}

// An unknown key is answered with the similar field, or with all fields, and is never repeated.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	for _, tt := range []struct{ path, body, field, message string }{
		{"/v1/password/changes", `{"oldPassword":"x"}`, "old_password", "old_password"},
		{"/v1/password/changes", `{"OLD_PASSWORD":"x"}`, "old_password", "old_password"},
		{"/v1/password/changes", `{"canary":"x"}`, "", "id_number、old_password、encrypted"},
		{"/v1/password/changes", `{"Hunter2-canary":1}`, "", "id_number"},
		{"/v1/password/changes", `{"encrypted":{"Ticket":"x"}}`, "ticket", "ticket"},
		{"/v1/password/changes", `{"encrypted":{"canary":"x"}}`, "", "ticket、kid、alg、sealed"},
		{"/v1/sessions/end", `{"canary":"x"}`, "", "不需要任何字段"},
	} {
		r := p.send("POST", tt.path, []byte(tt.body)).want(t, "BAD_REQUEST")
		if len(r.Errors) != 1 || r.Errors[0].Code != "UNKNOWN_FIELD" || r.Errors[0].Field != tt.field || !strings.Contains(r.Errors[0].Message, tt.message) {
			t.Errorf("%s: %s", tt.body, r.Raw)
		}
		if strings.Contains(r.Raw, "canary") {
			t.Errorf("repeated: %s", r.Raw)
		}
	}
}

// Alipay may add members to the result of my.getPhoneNumber.
func TestPhonePayloadWithMore(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.logIn(c)
	more := strings.Replace(string(h.payload(c, "")), "{", `{"sign_time":"1767326400","ext":{"a":[1]},`, 1)
	p.show([]byte(more)).want(t, "OK")
}
