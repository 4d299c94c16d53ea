// Package signing implements Alipay's signed protocols: it signs requests to the gateway
// and answers to Alipay's calls, and verifies responses, notifications, SPI calls and
// phone payloads. Except for DownloadCertificate and IsGatewayCheck, its functions return
// verified data only.
//
// The keys come from package keys and can be replaced while calls run. The SDK
// smartwalle/alipay builds and sends the requests; this package verifies every response
// before the SDK parses it.
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
	current   atomic.Pointer[keyedClient]
}

// A keyedClient is an SDK client with the keys that it uses. A call uses one keyedClient
// from beginning to end, so that Replace does not affect calls in progress.
type keyedClient struct {
	keyring *keys.AlipayKeyring
	client  *alipay.Client
}

// NewGateway returns a Gateway that calls gatewayURL, in production
// https://openapi.alipay.com/gateway.do. It returns ErrConfiguration if keyring is nil
// or CheckGatewayURL rejects the URL. It does not open a connection.
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

// CheckGatewayURL returns nil if gatewayURL consists of host and path and is https, or
// http on a loopback address. The error text is a predicate without subject, such as
// "is not a URL", so that the caller can put the name of the setting before it.
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
		return errors.New("is not https; plain http is allowed only for a simulator on this machine, because it would expose citizens' tokens")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Replace sets the keyring for subsequent calls. Calls in progress keep the keys with
// which they began. It returns ErrConfiguration for a keyring of another application,
// because citizens have other identifiers there.
func (g *Gateway) Replace(keyring *keys.AlipayKeyring) error {
	if keyring == nil {
		return fmt.Errorf("%w: no keys", ErrConfiguration)
	}
	if now := g.current.Load(); now != nil && (now.keyring.AppID() != keyring.AppID() || now.keyring.SigningAppID() != keyring.SigningAppID()) {
		return fmt.Errorf("%w: keys of another application", ErrConfiguration)
	}
	// In its production mode the SDK downloads and trusts any certificate that a
	// response names, so this client uses the sandbox mode with g.url.
	client, err := alipay.NewWithSigner(keyring.SigningAppID(), newSDKSigner(keyring), false,
		alipay.WithSandboxGateway(g.url),
		alipay.WithHTTPClient(newClient(g.transport, keyring, g.timeout)),
		alipay.WithTimeLocation(calendar.Beijing),
		alipay.WithVerifier("keyring", sdkVerifier{keyring}))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	g.current.Store(&keyedClient{keyring: keyring, client: client})
	return nil
}

// Keyring returns the current keyring.
func (g *Gateway) Keyring() *keys.AlipayKeyring { return g.current.Load().keyring }

// call sends one request, without retries, and decodes the verified response into out.
func (c *keyedClient) call(ctx context.Context, p *alipay.Payload, out any) error {
	p.AddParam("app_cert_sn", c.keyring.AppCertSN()) // certificate mode only; the SDK omits empty values
	p.AddParam("alipay_root_cert_sn", c.keyring.RootCertSN())
	p.AddParam("app_auth_token", c.keyring.AppAuthToken()) // third-party application only
	ctx, span := startSpan(ctx, p.APIName())
	sent := context.WithValue(ctx, methodKey{}, p.APIName())
	err := c.client.Request(sent, p, out)
	if err != nil {
		err = explain(ctx, err)
	}
	endSpan(span, err)
	if err != nil {
		return fmt.Errorf("%s: %w", p.APIName(), err)
	}
	return nil
}
