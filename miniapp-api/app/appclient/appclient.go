// Package appclient is the reference client of the app's channel: what the app of a centre does
// on a phone, in Go. A Device has a key pair and proves it in every request by RFC 9449. It
// shares no code with the server's verification of proofs.
package appclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A Device is a phone with the app. Its methods are safe for concurrent use.
type Device struct {
	Base string       // URL before the paths of the API
	HTTP *http.Client // nil = http.DefaultClient

	Now func() time.Time // the phone's clock; nil = time.Now

	key    *ecdsa.PrivateKey
	signer jose.Signer

	mu    sync.Mutex
	token string
	nonce string        // of the last reply
	ahead time.Duration // of the server's clock
}

// New returns a device with a new key. On a phone the key is made in the system's key store and
// never leaves it.
func New(base string) (*Device, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return Resume(base, key, "")
}

// Resume returns a device with a key and the token of an earlier sign-in, or "".
func Resume(base string, key *ecdsa.PrivateKey, token string) (*Device, error) {
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	return &Device{Base: base, key: key, signer: signer, token: token}, err
}

// Key returns the private key.
func (d *Device) Key() *ecdsa.PrivateKey { return d.key }

// Token returns the token of the session, or "".
func (d *Device) Token() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.token
}

// An Error is a refusal of the server.
type Error struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Message   string `json:"message"` // Chinese, ready to show
	RequestID string `json:"request_id"`
	Fields    []struct {
		Text string `json:"text"` // what is wrong with one field, in Chinese
	} `json:"errors"`
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Message
	for _, f := range e.Fields {
		text += "；" + f.Text
	}
	return fmt.Sprintf("%s (%s, %s)", text, e.Code, e.RequestID)
}

// Call sends a request with a proof and decodes data of the reply into data, unless that is nil.
// It repeats the request once if the reply has what was wrong with the proof: another nonce, or
// another time than the phone's. A body of nil sends none.
func (d *Device) Call(ctx context.Context, method, path string, body, data any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return err
		}
	}
	key := rand.Text() // the same for the repetition
	ahead := d.serverAhead()
	err := d.send(ctx, method, path, key, content, data)
	var refused *Error
	if !errors.As(err, &refused) {
		return err
	}
	wrongTime := refused.Code == "INVALID_DPOP_PROOF" && (d.serverAhead()-ahead).Abs() > 30*time.Second
	if refused.Code == "USE_DPOP_NONCE" || wrongTime {
		err = d.send(ctx, method, path, key, content, data)
	}
	return err
}

func (d *Device) serverAhead() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ahead
}

func (d *Device) send(ctx context.Context, method, path, key string, body []byte, data any) error {
	req, err := http.NewRequestWithContext(ctx, method, d.Base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	proof, token, err := d.prove(method, d.Base+path)
	if err != nil {
		return err
	}
	req.Header.Set("DPoP", proof)
	if token != "" {
		req.Header.Set("Authorization", "DPoP "+token)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
	}
	rsp, err := cmp.Or(d.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return err
	}
	defer rsp.Body.Close()
	d.note(rsp.Header)
	return read(rsp.Body, data)
}

// read decodes a reply.
func read(r io.Reader, data any) error {
	raw, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	var refused Error
	if err := json.Unmarshal(raw, &refused); err != nil {
		return fmt.Errorf("the reply is no JSON: %w", err)
	}
	if refused.Code != "OK" {
		return &refused
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(raw, &struct {
		Data any `json:"data"`
	}{data})
}

// note keeps what the next proof needs. A phone's clock may be wrong, so the server's counts.
func (d *Device) note(h http.Header) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nonce = cmp.Or(h.Get("DPoP-Nonce"), d.nonce)
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		d.ahead = at.Sub(d.clock())
	}
}

func (d *Device) clock() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// prove returns a proof for one request, and the token that it is for.
func (d *Device) prove(method, url string) (proof, token string, err error) {
	d.mu.Lock()
	token, nonce, now := d.token, d.nonce, d.clock().Add(d.ahead)
	d.mu.Unlock()
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": now.Unix(), "nonce": nonce}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", "", err
	}
	signed, err := d.signer.Sign(payload)
	if err != nil {
		return "", "", err
	}
	proof, err = signed.CompactSerialize()
	return proof, token, err
}
