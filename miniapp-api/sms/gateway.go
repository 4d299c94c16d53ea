package sms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The errors of New and Send. None contains a phone, a text or a key.
var (
	ErrUnavailable = errors.New("sms: no valid answer from the gateway") // a repetition may help
	ErrRefused     = errors.New("sms: the gateway refuses permanently")
	ErrKey         = fmt.Errorf("sms: the key is not one line of at least %d characters", minKeySize)
	ErrUnknownKind = errors.New("sms: no text for this kind of message")
)

const (
	callTime   = 5 * time.Second // of one request, far below the lease of the outbox
	maxAnswer  = 16 << 10
	minKeySize = 16
)

// A Gateway sends messages. It is safe for concurrent use.
type Gateway struct {
	d      Description
	url    *url.URL
	key    []byte
	escape func(string) string
	client *http.Client
	now    func() time.Time
}

// A Message is one SMS.
type Message struct {
	ID    string // deduplication key, the same in every attempt
	Kind  string // of the outbox
	Phone string
	At    time.Time // of the event that a notice reports
	Code  string    // "" in a notice
}

// New returns the gateway of a description file, with the key of its own file.
func New(description, key []byte) (*Gateway, error) {
	d, err := parseDescription(description)
	if err != nil {
		return nil, err
	}
	if key = bytes.TrimSpace(key); len(key) < minKeySize || bytes.ContainsAny(key, "\r\n") {
		return nil, ErrKey
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return nil, err
	}
	escape, err := d.escape()
	return &Gateway{d: d, url: u, key: key, escape: escape, client: newClient(), now: time.Now}, err
}

// newClient returns a client that follows no redirect, so that no message goes to a host that
// the description does not name, and uses no proxy of the environment.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: callTime / 2}).DialContext,
			TLSHandshakeTimeout: callTime / 2,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     30 * time.Second,
			ForceAttemptHTTP2:   true,
		},
	}
}

// Name returns the gateway's name.
func (g *Gateway) Name() string { return g.d.Name }

// Host returns the gateway's host, for operators.
func (g *Gateway) Host() string { return g.url.Host }

// Send sends one message. It returns nil once the gateway has accepted it. A message whose
// answer is lost was perhaps sent; the gateway recognises a repetition by the ID.
func (g *Gateway) Send(ctx context.Context, m Message) error {
	req, err := g.request(ctx, m)
	if err != nil {
		return err
	}
	answer, err := g.client.Do(req)
	if err != nil {
		var outer *url.Error // names the URL, which says nothing new
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // the rest of a longer one is no JSON
	if err != nil {
		return fmt.Errorf("%w: status %d, then %w", ErrUnavailable, answer.StatusCode, err)
	}
	return g.verdict(answer.StatusCode, body)
}

// verdict returns what an answer means. Of its content only a value that the description lists
// is named.
func (g *Gateway) verdict(status int, body []byte) error {
	if _, ok := g.d.Success.match(status, body); ok {
		return nil
	}
	if value, ok := g.d.Refused.match(status, body); ok {
		return fmt.Errorf("%w: status %d, %s", ErrRefused, status, value)
	}
	return fmt.Errorf("%w: status %d", ErrUnavailable, status)
}

// match returns the value that matched.
func (a Answer) match(status int, body []byte) (value string, ok bool) {
	if len(a.Status) == 0 && status != http.StatusOK || len(a.Status) > 0 && !slices.Contains(a.Status, status) {
		return "", false
	}
	if a.Pointer == "" {
		return "", len(a.Status) > 0
	}
	value, ok = lookup(body, a.Pointer)
	return value, ok && slices.Contains(a.Values, value)
}

// request renders the request for one message.
func (g *Gateway) request(ctx context.Context, m Message) (*http.Request, error) {
	if !isMobile(m.Phone) {
		return nil, fmt.Errorf("%w: the phone on file is not a mobile number", ErrRefused)
	}
	text, ok := Text(m)
	template, has := g.d.Templates[m.Kind]
	if !ok || strings.Contains(g.d.Body, "{{template}}") && !has {
		return nil, ErrUnknownKind
	}
	if g.d.Signature != "" {
		text = "【" + g.d.Signature + "】" + text
	}
	body := render(g.d.Body, map[string]string{"phone": m.Phone, "text": text, "code": m.Code, "template": template, "id": m.ID}, g.escape)
	values := map[string]string{
		"method": g.d.Method, "path": g.url.RequestURI(), "timestamp": g.timestamp(), "nonce": rand.Text(), "body": body, "key": string(g.key),
	}
	values["mac"] = g.encode(mac(g.key, render(g.d.Sign, values, unescaped)))
	req, err := http.NewRequestWithContext(ctx, g.d.Method, g.d.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range g.d.Headers {
		req.Header.Set(name, render(value, values, unescaped))
	}
	return req, nil
}

// isMobile reports whether a number on file is one of the mainland that takes SMS. A notice is
// not repeated for days to a landline.
func isMobile(phone string) bool {
	return len(phone) == 11 && phone[0] == '1' && strings.Trim(phone, "0123456789") == ""
}

func (g *Gateway) timestamp() string {
	if g.d.Timestamp == "unix_ms" {
		return strconv.FormatInt(g.now().UnixMilli(), 10)
	}
	return strconv.FormatInt(g.now().Unix(), 10)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (g *Gateway) encode(mac []byte) string {
	if g.d.Encoding == "base64" {
		return base64.StdEncoding.EncodeToString(mac)
	}
	return hex.EncodeToString(mac)
}

func (g *Gateway) decode(text string) ([]byte, error) {
	if g.d.Encoding == "base64" {
		return base64.StdEncoding.DecodeString(text)
	}
	return hex.DecodeString(text)
}
