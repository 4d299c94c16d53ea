// Package signing is the signed line to Alipay: what we say is signed, what we hear
// is verified, and nothing unsigned gets past it.
//
// The keys come from package keys and are replaced while calls run. The alipay SDK
// writes and sends the requests; every answer is checked here before the SDK sees it.
package signing

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/smartwalle/alipay/v3"

	"fundpass/keys"
	"fundpass/keys/calendar"
)

// A Gateway calls Alipay for one application. It is safe for concurrent use.
type Gateway struct {
	url       string
	timeout   time.Duration
	transport *http.Transport
	line      atomic.Pointer[line]
}

// A line is a Gateway with the keys of one moment. A call uses one line to its end,
// so an answer is judged by the keys its request was signed with.
type line struct {
	keyring *keys.AlipayKeyring
	client  *alipay.Client
}

// NewGateway returns a Gateway that calls gatewayURL, in production
// https://openapi.alipay.com/gateway.do. It fails with ErrConfiguration when the URL
// is not https (plain http is for loopback only) or carries more than host and path.
// It connects to nothing.
func NewGateway(keyring *keys.AlipayKeyring, gatewayURL string, opts Options) (*Gateway, error) {
	if err := CheckGatewayURL(gatewayURL); err != nil {
		return nil, fmt.Errorf("%w: gateway URL %w", ErrConfiguration, err)
	}
	opts = opts.withDefaults()
	g := &Gateway{url: gatewayURL, timeout: opts.Timeout, transport: newTransport(opts)}
	if err := g.Replace(keyring); err != nil {
		return nil, err
	}
	return g, nil
}

// CheckGatewayURL returns nil when gatewayURL is one that NewGateway takes. Otherwise
// the error says what it is instead, for a text that names the setting before it.
func CheckGatewayURL(gatewayURL string) error {
	u, err := url.Parse(gatewayURL)
	switch {
	case err != nil || u.Host == "":
		return errors.New("is not a URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("has more in it than host and path")
	case u.Scheme == "http" && (u.Hostname() == "localhost" || isLoopback(u.Hostname())):
		return nil // a simulator on this machine
	case u.Scheme != "https":
		return errors.New("is not https: citizens' tokens would travel readable; plain http is for a simulator on this machine only")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Replace makes calls that begin from now on use keyring. Calls under way end with the
// keys they began with. A keyring of another application fails with ErrConfiguration:
// citizens' identifiers differ from application to application.
func (g *Gateway) Replace(keyring *keys.AlipayKeyring) error {
	if keyring == nil {
		return fmt.Errorf("%w: no keys", ErrConfiguration)
	}
	if now := g.line.Load(); now != nil && now.keyring.AppID() != keyring.AppID() {
		return fmt.Errorf("%w: keys of another application", ErrConfiguration)
	}
	// Not "production" for the SDK, whose production mode downloads and trusts
	// whatever certificate an answer names.
	client, err := alipay.NewWithSigner(keyring.AppID(), newSDKSigner(keyring), false,
		alipay.WithSandboxGateway(g.url),
		alipay.WithHTTPClient(newClient(g.transport, keyring, g.timeout)),
		alipay.WithTimeLocation(calendar.Beijing),
		alipay.WithVerifier("keyring", sdkVerifier{keyring}))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	g.line.Store(&line{keyring: keyring, client: client})
	return nil
}

// Keyring returns the keys in use.
func (g *Gateway) Keyring() *keys.AlipayKeyring { return g.line.Load().keyring }

// call sends one request, once, and decodes the verified answer into out.
func (l *line) call(ctx context.Context, p *alipay.Payload, out any) error {
	p.AddParam("app_cert_sn", l.keyring.AppCertSN()) // certificate mode; the SDK drops empty ones
	p.AddParam("alipay_root_cert_sn", l.keyring.RootCertSN())
	sent := context.WithValue(ctx, methodKey{}, p.APIName())
	if err := l.client.Request(sent, p, out); err != nil {
		return fmt.Errorf("%s: %w", p.APIName(), explain(ctx, err))
	}
	return nil
}
