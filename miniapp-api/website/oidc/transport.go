package oidc

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
)

// Limits of the calls to the issuer.
const (
	callTimeout = 4 * time.Second
	dialTimeout = 1500 * time.Millisecond
	tlsTimeout  = 2 * time.Second
	maxResponse = 256 << 10 // keys with certificate chains are the largest
)

// A transportError is a call that had no usable response. Its text is of this package.
type transportError struct{ what string }

func (e *transportError) Error() string { return "oidc: " + e.what }

// newHTTPClient returns the client of the back channel. It ignores HTTPS_PROXY, so that a proxy
// set in the environment cannot read tokens.
func newHTTPClient(timeout time.Duration, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: checkedTransport{&http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:    tlsTimeout,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConnsPerHost:    16,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // a compressed response could exceed maxResponse when expanded
		}},
	}
}

// A checkedTransport returns responses of the status 200 or 4xx with JSON of limited size, and
// a *transportError for every other. So no redirect is followed, which could send a code or a
// secret to another host. The libraries that use it read bodies without a limit,
// take a form for a token response and put bodies into errors.
type checkedTransport struct{ base *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t checkedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, connectError(err)
	}
	defer resp.Body.Close()
	if s := resp.StatusCode; s != http.StatusOK && (s < 400 || s == http.StatusTooManyRequests || s >= 500) {
		return nil, &transportError{fmt.Sprintf("HTTP status %d", s)}
	}
	if !isJSON(resp.Header.Get("Content-Type")) {
		return nil, &transportError{"response is not JSON"}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, connectError(err)
	case len(body) > maxResponse:
		return nil, &transportError{"response is too long"}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// connectError returns a *transportError for an error of the connection, or err if it is one of
// a context, which http.Client's timeout makes, too.
func connectError(err error) error {
	var dial *net.OpError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &cert):
		return &transportError{"TLS certificate is not trusted"}
	case errors.As(err, &dial):
		return &transportError{fmt.Sprintf("%s: %v", dial.Op, dial.Err)} // text of the operating system
	}
	return &transportError{"connection failed"}
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}
