package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"fundpass/miniapp-api/httpapi"
)

// A reply is a reply as a front end sees it.
type reply struct {
	HTTP   int
	Header http.Header
	Raw    string

	Status    int                 `json:"status"`
	Code      string              `json:"code"`
	Message   string              `json:"message"`
	Data      json.RawMessage     `json:"data"`
	Errors    []httpapi.FieldView `json:"errors"`
	Remaining *int                `json:"remaining_attempts"`
	Retry     int                 `json:"retry_after"`
	RequestID string              `json:"request_id"`
}

// get returns a field of the data.
func (r reply) get(t testing.TB, field string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(r.Data, &m); err != nil {
		t.Fatalf("%s: %v", r.Raw, err)
	}
	return m[field]
}

// want fails the test unless the reply has this code.
func (r reply) want(t testing.TB, code string) reply {
	t.Helper()
	if r.Code != code {
		t.Fatalf("got %d %s, want %s: %s", r.HTTP, r.Code, code, r.Raw)
	}
	return r
}

// A client is the mini-program of one citizen.
type client struct {
	h     *env
	url   string
	token string
}

func (h *env) client() *client { return &client{h: h, url: h.url} }

// hasty returns the same client for a server with a short request limit.
func (p *client) hasty() *client {
	p.h.t.Helper()
	twin := *p
	twin.url = p.h.listen(p.h.newServer(func(c *Config) { c.RequestTime = time.Second }))
	return &twin
}

type header struct{ name, value string }

// send sends a raw body and parses the reply.
func (p *client) send(method, path string, body []byte, headers ...header) reply {
	p.h.t.Helper()
	req, err := http.NewRequest(method, p.url+path, bytes.NewReader(body))
	must(p.h.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	for _, h := range headers {
		if h.name != "" {
			req.Header.Set(h.name, h.value)
		}
	}
	rsp, err := http.DefaultClient.Do(req)
	must(p.h.t, err)
	defer rsp.Body.Close()
	raw, err := io.ReadAll(rsp.Body)
	must(p.h.t, err)
	r := reply{HTTP: rsp.StatusCode, Header: rsp.Header, Raw: string(raw)}
	if r.HTTP == http.StatusInternalServerError {
		p.h.t.Logf("%s %s: the log says\n%s", method, path, p.h.logs.errors())
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		p.h.t.Fatalf("%s %s: not an envelope: %.200q", method, path, raw)
	}
	if _, measured := p.h.t.(*testing.B); !measured {
		if err := keepsContract(req, r); err != nil {
			p.h.t.Errorf("%s %s violates openapi.yaml: %v\n%s", method, path, err, raw)
		}
	}
	return r
}

func (p *client) post(path string, body any, headers ...header) reply {
	p.h.t.Helper()
	raw, err := json.Marshal(body)
	must(p.h.t, err)
	return p.send("POST", path, raw, headers...)
}

func (p *client) get(path string) reply { p.h.t.Helper(); return p.send("GET", path, nil) }

type m = map[string]any

// logIn returns a client with a session of the citizen.
func (h *env) logIn(c citizen) *client {
	h.t.Helper()
	p := h.client()
	code, err := h.sim.AuthCode(c.Person.Person)
	must(h.t, err)
	p.token = p.post("/v1/sessions", m{"auth_code": code}).want(h.t, "OK").get(h.t, "token").(string)
	return p
}

func (c citizen) linkBody() m {
	return m{"name": c.Name, "id_type": c.IDType, "id_number": c.IDNumber, "account_no": c.AccountNo, "password": c.Password}
}

// linkedClient returns a client whose citizen has linked their account.
func (h *env) linkedClient(c citizen) *client {
	h.t.Helper()
	p := h.logIn(c)
	p.post("/v1/link", c.linkBody()).want(h.t, "OK")
	return p
}

// openChange opens a change and returns its path.
func (p *client) openChange(c citizen, headers ...header) string {
	p.h.t.Helper()
	r := p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": c.Password}, headers...).want(p.h.t, "OK")
	return "/v1/password/changes/" + r.get(p.h.t, "id").(string)
}

func twice(password string) m { return m{"new_password": password, "new_password_again": password} }
