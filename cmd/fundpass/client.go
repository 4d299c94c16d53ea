package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A client is a citizen's mini-program: it calls the API as the page does.
type client struct {
	base  string // of the server, without a slash at the end
	http  *http.Client
	token string // of the session, "" before there is one
}

// A request is one call. Only a POST has a body.
type request struct {
	method, path string
	body         any
	key          string // Idempotency-Key, "" for none
}

// An answer is what came back: the envelope of the API, or the bare JSON of the
// simulator, which is then all Data.
type answer struct {
	request
	status int
	raw    []byte
	took   time.Duration

	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Data      json.RawMessage `json:"data"`
	Remaining *int            `json:"remaining_attempts"`
	Retry     int             `json:"retry_after"` // seconds
	Errors    []struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

var (
	errNoAnswer = errors.New("nothing answers there")
	errNotAPI   = errors.New("the answer is not the API's")
)

// do sends one request. A refusal is an answer like any other; the errors are
// errNoAnswer and errForeign.
func (p *client) do(ctx context.Context, r request) (answer, error) {
	begun := time.Now()
	a := answer{request: r}
	req, err := p.prepare(ctx, r)
	if err != nil {
		return a, err
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errNoAnswer, withoutURL(err))
	}
	defer resp.Body.Close()
	a.raw, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	a.status, a.took = resp.StatusCode, time.Since(begun)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return a, a.decode()
}

// withoutURL drops what the caller knows already.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (p *client) prepare(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.method == http.MethodPost {
		raw, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, p.base+r.path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	return req, nil
}

func (a *answer) decode() error {
	if strings.HasPrefix(a.path, "/sim/") {
		a.Code, a.Data = http.StatusText(a.status), a.raw
		return nil
	}
	if json.Unmarshal(a.raw, a) != nil || a.Code == "" {
		return fmt.Errorf("%w: HTTP status %d without an envelope", errNotAPI, a.status)
	}
	return nil
}

// get and post are the two kinds of calls there are.
func (p *client) get(ctx context.Context, path string) (answer, error) {
	return p.do(ctx, request{method: http.MethodGet, path: path})
}

func (p *client) post(ctx context.Context, path string, body any) (answer, error) {
	return p.do(ctx, request{method: http.MethodPost, path: path, body: body})
}

// logIn opens the mini-program: an auth code from the simulator, then a session.
func (p *client) logIn(ctx context.Context, person string) (answer, error) {
	a, err := p.post(ctx, "/sim/auth-code", fields{"person": person})
	if err != nil {
		return a, err
	}
	code := a.text("auth_code")
	if code == "" {
		return a, fmt.Errorf("%w: no auth code for %s", errNotAPI, person)
	}
	return p.openSession(ctx, code)
}

// openSession shows an auth code and keeps the token.
func (p *client) openSession(ctx context.Context, code string) (answer, error) {
	a, err := p.post(ctx, "/v1/sessions", fields{"auth_code": code})
	if token := a.text("token"); token != "" {
		p.token = token
	}
	return a, err
}

// fields is a flat JSON object.
type fields map[string]any

// text reads one text of an answer's data, "" when it is not there.
func (a answer) text(name string) string {
	s, _ := a.object()[name].(string)
	return s
}

// number reads one number of an answer's data, 0 when it is not there.
func (a answer) number(name string) int {
	n, _ := a.object()[name].(float64)
	return int(n)
}

func (a answer) object() fields {
	var all fields
	_ = json.Unmarshal(a.Data, &all) // no object: no fields
	return all
}
