package httpapi_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"fundpass/miniapp-api/httpapi"
)

// A body that does not match the contract is refused with the field's name and has no effect.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	const path = "/v1/password/changes"
	good := `{"id_number":"` + c.IDNumber + `","old_password":"` + c.Password + `"}`
	for _, tt := range []struct{ name, body, code, field string }{
		{"empty", ``, "BAD_REQUEST", "REQUIRED"},
		{"not JSON", `old_password=x`, "BAD_REQUEST", "INVALID_JSON"},
		{"half", `{"id_number":"`, "BAD_REQUEST", "INVALID_JSON"},
		{"array", `[]`, "BAD_REQUEST", "WRONG_TYPE"},
		{"null field", `{"id_number":null,"old_password":null}`, "BAD_REQUEST", ""},
		{"number", `{"id_number":1,"old_password":"x"}`, "BAD_REQUEST", "WRONG_TYPE"},
		{"unknown key", strings.Replace(good, "{", `{"admin":true,`, 1), "BAD_REQUEST", "UNKNOWN_FIELD"},
		{"wrong case", strings.Replace(good, "old_password", "Old_Password", 1), "BAD_REQUEST", "UNKNOWN_FIELD"},
		{"case twin", strings.Replace(good, "{", `{"OLD_PASSWORD":"x",`, 1), "BAD_REQUEST", "UNKNOWN_FIELD"},
		{"duplicate key", strings.Replace(good, "{", `{"old_password":"x",`, 1), "BAD_REQUEST", "DUPLICATE_FIELD"},
		{"escaped duplicate", strings.Replace(good, "{", `{"old\u005fpassword":"x",`, 1), "BAD_REQUEST", "DUPLICATE_FIELD"},
		{"trailing JSON", good + good, "BAD_REQUEST", "INVALID_JSON"},
		{"trailing text", good + "x", "BAD_REQUEST", "INVALID_JSON"},
		{"byte order mark", "\ufeff" + good, "BAD_REQUEST", "INVALID_JSON"},
		{"NUL", strings.Replace(good, c.Password, `a\u0000b`, 1), "BAD_REQUEST", "CONTROL_CHARACTER"},
		{"raw NUL", strings.Replace(good, c.Password, "a\x00b", 1), "BAD_REQUEST", "INVALID_JSON"},
		{"invalid UTF-8", strings.Replace(good, c.Password, "a\xff\xfeb", 1), "BAD_REQUEST", "INVALID_JSON"},
		{"lone surrogate", strings.Replace(good, c.Password, `a\ud800b`, 1), "BAD_REQUEST", "INVALID_JSON"},
		{"check digit wrong", strings.Replace(good, c.IDNumber[17:]+`"`, wrongDigit(c.IDNumber)+`"`, 1), "BAD_REQUEST", "INVALID"},
		{"deep", `{"id_number":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`, "BAD_REQUEST", ""},
		{"16 KiB and one", `{"id_number":"` + strings.Repeat("1", 16<<10) + `"}`, "PAYLOAD_TOO_LARGE", ""},
		{"1 MB", strings.Repeat(" ", 1<<20) + good, "PAYLOAD_TOO_LARGE", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := p.send("POST", path, []byte(tt.body)).want(t, tt.code)
			if tt.field != "" && (len(r.Errors) == 0 || r.Errors[0].Code != tt.field) {
				t.Errorf("errors %v, want %s", r.Errors, tt.field)
			}
			if strings.Contains(r.Raw, c.Password) || strings.Contains(r.Raw, c.IDNumber) || strings.Contains(r.Raw, "admin") {
				t.Errorf("the reply repeats what was sent: %s", r.Raw)
			}
		})
	}
	if got := p.get("/v1/password").get(t, "remaining_attempts").(float64); got != 5 {
		t.Errorf("a malformed body was charged an attempt: %v left", got)
	}
	p.send("POST", path, []byte(good)).want(t, "OK")
}

func wrongDigit(idNumber string) string {
	if idNumber[17] == '1' {
		return "2"
	}
	return "1"
}

// Additional fields have no effect.
func TestMassAssignment(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	for _, name := range []string{"state", "version", "account_id", "center_id", "identity", "open_id", "user_id",
		"is_admin", "role", "locked_until", "remaining_attempts", "expires_at", "credential_version", "hash"} {
		p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password, name: 1}).want(t, "BAD_REQUEST")
		p.post("/v1/link", m{"name": c.Name, "id_type": "01", "id_number": c.IDNumber, "password": c.Password, name: 1}).want(t, "BAD_REQUEST")
	}
}

func TestEveryReplyIsAnEnvelope(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.client()
	for _, tt := range []struct {
		name, method, path string
		body               string
		header             header
		status             int
		code               string
	}{
		{"unknown path", "GET", "/nothing", "", header{}, 404, "NOT_FOUND"},
		{"encoded path", "GET", "/v1/%2e%2e/etc", "", header{}, 404, "NOT_FOUND"},
		{"debug surface", "GET", "/debug/pprof/", "", header{}, 404, "NOT_FOUND"},
		{"metrics are not public", "GET", "/metrics", "", header{}, 404, "NOT_FOUND"},
		{"wrong method", "DELETE", "/v1/link", "", header{}, 405, "METHOD_NOT_ALLOWED"},
		{"preflight", "OPTIONS", "/v1/link", "", header{"Origin", "https://evil.example"}, 405, "METHOD_NOT_ALLOWED"},
		{"text/plain JSON", "POST", "/v1/sessions", `{"auth_code":"x"}`, header{"Content-Type", "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"form", "POST", "/v1/sessions", `auth_code=x`, header{"Content-Type", "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"compressed", "POST", "/v1/sessions", "x", header{"Content-Encoding", "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"no session", "GET", "/v1/password", "", header{}, 401, "SESSION_REQUIRED"},
		{"basic auth", "GET", "/v1/password", "", header{"Authorization", "Basic eDp5"}, 401, "SESSION_REQUIRED"},
		{"always 200", "GET", "/v1/password", "", header{"X-Always-200", "1"}, 200, "SESSION_REQUIRED"},
		{"always 200, unknown path", "GET", "/nothing", "", header{"X-Always-200", "1"}, 200, "NOT_FOUND"},
		{"token in the query", "GET", "/v1/password?token=x", "", header{}, 401, "SESSION_REQUIRED"},
		{"alive", "GET", "/healthz", "", header{}, 200, "OK"},
		{"ready", "GET", "/readyz", "", header{}, 200, "OK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var body []byte
			if tt.body != "" {
				body = []byte(tt.body)
			}
			r := p.send(tt.method, tt.path, body, tt.header).want(t, tt.code)
			if r.HTTP != tt.status {
				t.Errorf("HTTP %d, want %d", r.HTTP, tt.status)
			}
			if r.RequestID == "" || r.Message == "" || r.Status == 0 {
				t.Errorf("incomplete envelope: %s", r.Raw)
			}
			checkHeaders(t, r.Header)
		})
	}
}

func checkHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Server", "ETag"} {
		if got := h.Get(name); got != "" {
			t.Errorf("%s: %q, want none", name, got)
		}
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	t.Run("address", func(t *testing.T) {
		t.Parallel()
		h := newEnv(t, withRates(httpapi.Rate{PerSecond: 0.01, Burst: 3}, httpapi.Rate{1e6, 1e6}))
		p := h.client()
		for range 3 {
			p.get("/healthz").want(t, "OK")
		}
		r := p.get("/healthz").want(t, "TOO_MANY_REQUESTS")
		if r.Retry < 1 || r.Header.Get("Retry-After") == "" {
			t.Errorf("no retry_after: %s", r.Raw)
		}
		checkHeaders(t, r.Header)
		p.send("GET", "/healthz", nil, header{"X-Forwarded-For", "203.0.113.9"}).want(t, "TOO_MANY_REQUESTS")
	})
	t.Run("user", func(t *testing.T) {
		t.Parallel()
		h := newEnv(t, withRates(httpapi.Rate{1e6, 1e6}, httpapi.Rate{PerSecond: 0.01, Burst: 3}))
		c, d := h.citizen(), h.citizen()
		p, q := h.logIn(c), h.logIn(d)
		for range 3 {
			p.get("/v1/password").want(t, "NOT_LINKED")
		}
		p.get("/v1/password").want(t, "TOO_MANY_REQUESTS")
		h.logIn(c).get("/v1/password").want(t, "TOO_MANY_REQUESTS") // a new session has no new allowance
		q.get("/v1/password").want(t, "NOT_LINKED")
	})
}

// A request produces one log line, without text of the client.
func TestLogLines(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.client()
	p.token = "abc\tlevel=error"
	p.send("POST", "/v1/sessions", []byte(`{"auth_code":"x\r\nlevel=error"}`), header{"X-Request-ID", "forged"}, header{"User-Agent", "forged"})
	p.get("/nothing/forged")
	for line := range bytes.Lines([]byte(h.logs.String())) {
		if bytes.Contains(line, []byte("forged")) || bytes.Contains(line, []byte("level=error")) {
			t.Errorf("a caller wrote into the log: %s", line)
		}
	}
}
