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

// Options limit calls to Alipay. The zero value has the defaults for production.
type Options struct {
	Timeout     time.Duration  // of one call, for MatchPerson of both requests together; 0 = 4 s
	DialTimeout time.Duration  // of the TCP connection; 0 = 1.5 s
	TLSTimeout  time.Duration  // of the TLS handshake; 0 = 2 s
	IdleTimeout time.Duration  // idle connections are closed after it; 0 = 30 s
	Connections int            // maximum number of idle connections; 0 = 32
	RootCAs     *x509.CertPool // roots of the gateway's TLS certificate; nil = the system's
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

// newTransport returns the transport to Alipay. It ignores HTTPS_PROXY, so that a proxy
// set in the environment cannot read citizens' tokens.
func newTransport(o Options) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: o.DialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    o.TLSTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		IdleConnTimeout:        o.IdleTimeout,
		MaxIdleConns:           o.Connections,
		MaxIdleConnsPerHost:    o.Connections,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // a compressed response could exceed maxResponse when expanded
	}
}

// newClient returns a client that verifies every response with keyring and follows no
// redirects.
func newClient(base *http.Transport, keyring *keys.AlipayKeyring, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: checkedTransport{base: base, keyring: keyring},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// methodKey is the context key of the Alipay method of a request. The transport needs it
// to check that the response belongs to that method.
type methodKey struct{}

// A checkedTransport returns verified successes, encoded unambiguously, and an error of
// this package for every other response. The SDK that uses it ignores the HTTP status,
// reads bodies without limit, returns unsigned refusals, takes the last of two contents
// and panics on null.
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
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	method, _ := req.Context().Value(methodKey{}).(string)
	a, err := parseResponse(body, method)
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

// errLate is the cause of a call that exceeded the Gateway's timeout. It is not a context
// error, because the caller's context has not ended.
var errLate = errors.New("timeout")

// explain converts an error of the SDK to one of this package. It drops the texts of
// net/http and encoding/json, because they may quote the response.
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
		return fmt.Errorf("%w: TLS certificate is not trusted", ErrUnavailable)
	case errors.As(err, &dial):
		return fmt.Errorf("%w: %s: %v", ErrUnavailable, dial.Op, dial.Err) // text of the operating system
	case wrapped:
		return fmt.Errorf("%w: connection failed", ErrUnavailable)
	}
	return fmt.Errorf("%w: content is not as documented", ErrUnavailable)
}
