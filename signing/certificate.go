package signing

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/smartwalle/alipay/v3"

	"fundpass/keys"
)

// ErrSerial means that a serial number is not 32 lower-case hexadecimal digits.
var ErrSerial = errors.New("signing: not an alipay_cert_sn")

var serial = regexp.MustCompile(`^[0-9a-f]{32}$`)

// methodDownload is the interface of DownloadCertificate.
const methodDownload = "alipay.open.app.alipaycert.download"

// DownloadCertificate downloads the certificate with serial number sn
// (alipay.open.app.alipaycert.download). It returns PEM: the certificate and its issuers.
//
// The result is not trusted. Alipay signs the response with the key of the downloaded
// certificate, so the caller must check it with keys.CheckAlipayCert and show it to an
// operator. It must not be called to verify a message, because the sender of the
// message chooses the serial number.
//
// Errors: ErrSerial, ErrUnavailable, ErrConfiguration, and ErrForged if the response
// names a key of the keyring that did not sign it.
func (g *Gateway) DownloadCertificate(ctx context.Context, sn string) ([]byte, error) {
	if !serial.MatchString(sn) {
		return nil, ErrSerial
	}
	c := g.current.Load()
	ask := alipay.NewPayload(methodDownload).AddBizField("alipay_cert_sn", sn).
		AddParam("app_cert_sn", c.keyring.AppCertSN()).AddParam("alipay_root_cert_sn", c.keyring.RootCertSN())
	params, err := c.client.URLValues(ask)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", methodDownload, explain(ctx, err))
	}
	a, err := g.sendUnverified(ctx, params)
	if err == nil {
		err = a.checkUnknown(c.keyring)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", methodDownload, explain(ctx, err))
	}
	return a.certificate()
}

// sendUnverified posts params, which the SDK has signed, and returns the response
// without checking its signature.
func (g *Gateway) sendUnverified(ctx context.Context, params url.Values) (response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, strings.NewReader(params.Encode()))
	if err != nil {
		return response{}, fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	client := newClient(g.transport, nil, g.timeout)
	client.Transport = g.transport
	resp, err := client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return response{}, fmt.Errorf("%w: HTTP status %d", ErrUnavailable, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		return response{}, err
	}
	return parseResponse(body, params.Get("method"))
}

// checkUnknown is like check, but accepts a signature by a certificate that is not in
// keyring. A response that names a key of keyring must be signed with it.
func (a response) checkUnknown(keyring *keys.AlipayKeyring) error {
	if _, err := keyring.AlipayKey(a.certSN); err == nil && a.sign != "" {
		return a.check(keyring)
	}
	err := response{root: a.root, content: a.content}.check(keyring) // without sign
	if refused := (refusal{}); errors.As(err, &refused) {
		return err
	}
	return nil
}

// certificate decodes {"alipay_cert_content":"<base64 of PEM>"}.
func (a response) certificate() ([]byte, error) {
	var out struct {
		Content string `json:"alipay_cert_content"`
	}
	if json.Unmarshal(a.content, &out) != nil || out.Content == "" {
		return nil, fmt.Errorf("%s: %w: response contains no certificate", methodDownload, ErrUnavailable)
	}
	pem, err := base64.StdEncoding.DecodeString(out.Content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: certificate is not base64", methodDownload, ErrUnavailable)
	}
	return pem, nil
}
