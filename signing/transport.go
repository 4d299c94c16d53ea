package signing

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"fundpass/keys"
)

// Options bound what a call to Alipay may cost. The zero value is for production.
type Options struct {
	Timeout     time.Duration  // one whole call, MatchPerson's two steps together; 0 = 4 s
	DialTimeout time.Duration  // TCP connection; 0 = 1.5 s
	TLSTimeout  time.Duration  // TLS handshake; 0 = 2 s
	IdleTimeout time.Duration  // how long an unused connection is kept; 0 = 30 s
	Connections int            // connections kept for reuse; 0 = 32
	RootCAs     *x509.CertPool // whose TLS certificates are accepted; nil = the system's
}

func (o Options) withDefaults() Options {
	o.Timeout = orDefault(o.Timeout, 4*time.Second)
	o.DialTimeout = orDefault(o.DialTimeout, 1500*time.Millisecond)
	o.TLSTimeout = orDefault(o.TLSTimeout, 2*time.Second)
	o.IdleTimeout = orDefault(o.IdleTimeout, 30*time.Second)
	o.Connections = orDefault(o.Connections, 32)
	return o
}

func orDefault[T int | time.Duration](v, fallback T) T {
	if v <= 0 {
		return fallback
	}
	return v
}

// newTransport returns the connections to Alipay. They follow no proxy of the
// environment: whoever can set HTTPS_PROXY should not read citizens' tokens.
func newTransport(o Options) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: o.DialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    o.TLSTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		IdleConnTimeout:        o.IdleTimeout,
		MaxIdleConns:           o.Connections,
		MaxIdleConnsPerHost:    o.Connections,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // 1 MiB on the wire stays 1 MiB
	}
}

// newClient returns a client whose answers have been checked against keyring before
// anybody sees them.
func newClient(base *http.Transport, keyring *keys.AlipayKeyring, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: checkedTransport{base: base, keyring: keyring},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// methodKey is where a request's context keeps the Alipay method that is called:
// the transport must know whose answer to expect.
type methodKey struct{}

// A checkedTransport lets only verified successes through, written unambiguously.
// Everything else comes out as an error of this package. The SDK behind it ignores
// the HTTP status, reads without limit, returns unsigned refusals as they are, lets
// the last of two contents win and panics on null.
type checkedTransport struct {
	base    *http.Transport
	keyring *keys.AlipayKeyring
}

// RoundTrip implements http.RoundTripper.
func (t checkedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: HTTP status %d", ErrUnavailable, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	method, _ := req.Context().Value(methodKey{}).(string)
	a, err := parseAnswer(body, method)
	if err != nil {
		return nil, err
	}
	if err := a.check(t.keyring); err != nil {
		return nil, err
	}
	clean := a.body()
	resp.Body = io.NopCloser(bytes.NewReader(clean))
	resp.ContentLength = int64(len(clean))
	return resp, nil
}

// errLate is why we ended a call ourselves. It is no context error: the caller still
// has time.
var errLate = errors.New("no answer in time")

// explain turns what the SDK returned into an error of this package. Texts of net/http
// and encoding/json may quote what the other side sent, so none is kept.
func explain(ctx context.Context, err error) error {
	var transport *url.Error
	wrapped := errors.As(err, &transport)
	if wrapped {
		err = transport.Err
	}
	var dial *net.OpError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrConfiguration),
		errors.Is(err, ErrCodeInvalid), errors.Is(err, ErrTokenInvalid), errors.Is(err, ErrUndeliverable):
		return err
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errLate):
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case wrapped && transport.Timeout():
		return fmt.Errorf("%w: %w", ErrUnavailable, errLate)
	case errors.As(err, &cert):
		return fmt.Errorf("%w: TLS certificate not accepted", ErrUnavailable)
	case errors.As(err, &dial):
		return fmt.Errorf("%w: %s: %v", ErrUnavailable, dial.Op, dial.Err) // the system's words
	case wrapped:
		return fmt.Errorf("%w: connection broke", ErrUnavailable)
	}
	return fmt.Errorf("%w: content not as documented", ErrUnavailable)
}
