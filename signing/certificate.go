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

// ErrSerial: not the serial number of a certificate, 32 lower-case hex digits.
var ErrSerial = errors.New("signing: not an alipay_cert_sn")

var serial = regexp.MustCompile(`^[0-9a-f]{32}$`)

// methodDownload is the interface of DownloadCertificate.
const methodDownload = "alipay.open.app.alipaycert.download"

// DownloadCertificate returns what Alipay gives for the certificate with serial number
// sn (alipay.open.app.alipaycert.download): PEM, the certificate and its issuers.
//
// Nothing vouches for it. Alipay signs this answer with the very certificate that is
// asked for, so only keys.CheckAlipayCert can tell, and then a person. It is for an
// operator, never for the way of a message: whoever sends one chooses its serial
// number. Fails with ErrSerial, ErrUnavailable, ErrForged when a key we hold is named
// and did not sign, or ErrConfiguration.
func (g *Gateway) DownloadCertificate(ctx context.Context, sn string) ([]byte, error) {
	if !serial.MatchString(sn) {
		return nil, ErrSerial
	}
	l := g.line.Load()
	ask := alipay.NewPayload(methodDownload).AddBizField("alipay_cert_sn", sn).
		AddParam("app_cert_sn", l.keyring.AppCertSN()).AddParam("alipay_root_cert_sn", l.keyring.RootCertSN())
	params, err := l.client.URLValues(ask)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", methodDownload, explain(ctx, err))
	}
	a, err := g.askUnverified(ctx, params)
	if err == nil {
		err = a.checkUnknown(l.keyring)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", methodDownload, explain(ctx, err))
	}
	return a.certificate()
}

// askUnverified sends a request that the SDK has signed and leaves the answer to the
// caller to judge.
func (g *Gateway) askUnverified(ctx context.Context, params url.Values) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, strings.NewReader(params.Encode()))
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	client := newClient(g.transport, nil, g.timeout)
	client.Transport = g.transport
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%w: HTTP status %d", ErrUnavailable, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(body, params.Get("method"))
}

// checkUnknown is check for an answer that may be signed with a key that is yet to
// come: one that names a key we hold must be signed with it.
func (a answer) checkUnknown(keyring *keys.AlipayKeyring) error {
	if _, err := keyring.AlipayKey(a.certSN); err == nil && a.sign != "" {
		return a.check(keyring)
	}
	err := answer{root: a.root, content: a.content}.check(keyring) // as if it were unsigned
	if refused := (refusal{}); errors.As(err, &refused) {
		return err
	}
	return nil
}

// certificate reads {"alipay_cert_content":"<base64 of PEM>"}.
func (a answer) certificate() ([]byte, error) {
	var out struct {
		Content string `json:"alipay_cert_content"`
	}
	if json.Unmarshal(a.content, &out) != nil || out.Content == "" {
		return nil, fmt.Errorf("%s: %w: no certificate in the answer", methodDownload, ErrUnavailable)
	}
	pem, err := base64.StdEncoding.DecodeString(out.Content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: certificate is not base64", methodDownload, ErrUnavailable)
	}
	return pem, nil
}
