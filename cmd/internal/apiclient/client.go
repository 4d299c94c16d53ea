package apiclient

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

// A Client calls the API as a citizen's mini-program does.
type Client struct {
	Base  string // URL of the server, without a trailing slash
	HTTP  *http.Client
	Token string // session token, "" before sign-in
}

// A Request is one API call. Only a POST sends its body.
type Request struct {
	Method, Path string
	Body         any
	Key          string // Idempotency-Key, or ""
}

// Under returns the request with an Idempotency-Key.
func (r Request) Under(key string) Request { r.Key = key; return r }

// An Answer is the reply to a Request. It decodes the envelope of the API. For the
// simulator's replies, which have none, Data is the whole body.
type Answer struct {
	Request `json:"-"`
	Status  int           `json:"-"`
	Raw     []byte        `json:"-"`
	Took    time.Duration `json:"-"`

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
	errNoAnswer = errors.New("no reply from the server")
	ErrNotAPI   = errors.New("not a reply of the API")
)

// Do sends one request. A refusal is not an error; Do returns errNoAnswer if there is no
// reply and ErrNotAPI if the reply cannot be decoded.
func (p *Client) Do(ctx context.Context, r Request) (Answer, error) {
	begun := time.Now()
	a := Answer{Request: r}
	req, err := p.prepare(ctx, r)
	if err != nil {
		return a, err
	}
	resp, err := p.HTTP.Do(req)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errNoAnswer, withoutURL(err))
	}
	defer resp.Body.Close()
	a.Raw, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	a.Status, a.Took = resp.StatusCode, time.Since(begun)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return a, a.decode()
}

// withoutURL removes the URL from an error of package http, because the caller knows it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// prepare builds the HTTP request with the session token and the Idempotency-Key.
func (p *Client) prepare(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	if r.Method == http.MethodPost {
		raw, err := json.Marshal(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, p.Base+r.Path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.Token != "" {
		req.Header.Set("Authorization", "Bearer "+p.Token)
	}
	if r.Key != "" {
		req.Header.Set("Idempotency-Key", r.Key)
	}
	return req, nil
}

// decode parses the envelope. It returns ErrNotAPI if there is none, as for a reply of a
// proxy.
func (a *Answer) decode() error {
	if strings.HasPrefix(a.Path, "/sim/") {
		a.Code, a.Data = http.StatusText(a.Status), a.Raw
		return nil
	}
	if json.Unmarshal(a.Raw, a) != nil || a.Code == "" {
		return fmt.Errorf("%w: HTTP status %d without an envelope", ErrNotAPI, a.Status)
	}
	return nil
}

// Get sends a GET request.
func (p *Client) Get(ctx context.Context, path string) (Answer, error) {
	return p.Do(ctx, Request{Method: http.MethodGet, Path: path})
}

// Post sends a POST request with a JSON body.
func (p *Client) Post(ctx context.Context, path string, body any) (Answer, error) {
	return p.Do(ctx, Request{Method: http.MethodPost, Path: path, Body: body})
}

// LogIn gets an auth code from the simulator and opens a session with it.
func (p *Client) LogIn(ctx context.Context, person string) (Answer, error) {
	a, err := p.Post(ctx, "/sim/auth-code", Fields{"person": person})
	if err != nil {
		return a, err
	}
	code := a.Text("auth_code")
	if code == "" {
		return a, fmt.Errorf("%w: no auth code for %s", ErrNotAPI, person)
	}
	return p.OpenSession(ctx, code)
}

// OpenSession opens a session with an auth code and stores its token.
func (p *Client) OpenSession(ctx context.Context, code string) (Answer, error) {
	a, err := p.Post(ctx, "/v1/sessions", Fields{"auth_code": code})
	if token := a.Text("token"); token != "" {
		p.Token = token
	}
	return a, err
}

// Fields is a flat JSON object.
type Fields map[string]any

// Text returns a string field of the data, or "" if it is missing.
func (a Answer) Text(name string) string {
	s, _ := a.Object()[name].(string)
	return s
}

// Number returns a number field of the data, or 0 if it is missing.
func (a Answer) Number(name string) int {
	n, _ := a.Object()[name].(float64)
	return int(n)
}

// Object returns the data as an object, or nil if it is not one.
func (a Answer) Object() Fields {
	var all Fields
	_ = json.Unmarshal(a.Data, &all) // leaves nil if Data is not an object
	return all
}
