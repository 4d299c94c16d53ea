package signing

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/smartwalle/alipay/v3"

	"fundpass/keys"
	"fundpass/keys/calendar"
)

// A Verdict is the outcome of an identity verification in Alipay's signed response.
type Verdict string

// The verdicts.
const (
	Passed  Verdict = "passed"
	Failed  Verdict = "failed"
	Pending Verdict = "pending" // the citizen has not finished the verification
)

// A Verification is an Alipay product that verifies a face against an ID document.
type Verification string

// The products that a centre can contract.
const (
	// ByCertify is 支付宝身份验证, alipay.user.certify.open.*: ID cards only.
	ByCertify Verification = "certify"
	// ByFace is 金融云人脸核身, datadigital.fincloud.generalsaas.face.verification.*: ID
	// cards and the residence permits of people from Hong Kong, Macao and Taiwan.
	ByFace Verification = "face"
)

// A CertifyOrder describes one verification. Person must come from the centre's record
// and not from a front end, because the outcome reveals whether name and number match.
type CertifyOrder struct {
	OrderNo   string // 32 letters and digits, unique
	Person    Person
	ReturnURL string // target of Alipay's page when it is done; "" is the mini-program
}

// A Certification is a verification that has been started.
type Certification struct {
	ID  string // certify_id, the argument of CertificationPassed and FaceVerificationPassed
	URL string // Alipay's page; contains no personal data
}

// VerificationFor returns the product that verifies a document, or ErrIDType if there
// is none. idType is a ZJLX code of JGJ/T 320.
//
//	01, number 81… or 82…   residence permit of Hong Kong, Macao   ByFace, RESIDENCE_HK_MC
//	01, number 83…          residence permit of Taiwan             ByFace, RESIDENCE_TAIWAN
//	01, any other           ID card                                ByCertify, IDENTITY_CARD
//	all others              not supported                          ErrIDType
//
// Sources: parameter cert_type of the initialize methods; residence permits have GB
// 11643 numbers with these region codes.
func VerificationFor(idType, idNumber string) (Verification, error) {
	if idType != "01" {
		return "", ErrIDType
	}
	if permitType(idNumber) != "" {
		return ByFace, nil
	}
	return ByCertify, nil
}

// permitType returns Alipay's cert_type of a residence permit, or "" if idNumber is not
// the number of one.
func permitType(idNumber string) string {
	switch {
	case strings.HasPrefix(idNumber, "81"), strings.HasPrefix(idNumber, "82"):
		return "RESIDENCE_HK_MC"
	case strings.HasPrefix(idNumber, "83"):
		return "RESIDENCE_TAIWAN"
	}
	return ""
}

var orderNo = regexp.MustCompile(`^[0-9A-Za-z]{32}$`)

// StartCertification starts the face verification of the holder of an ID card
// (alipay.user.certify.open.initialize) and signs the URL of its page
// (alipay.user.certify.open.certify). Alipay bills every call.
// Errors: ErrIDType, ErrUnavailable, ErrForged, ErrConfiguration.
func (g *Gateway) StartCertification(ctx context.Context, o CertifyOrder) (Certification, error) {
	if by, err := VerificationFor(o.Person.IDType, o.Person.IDNumber); err != nil || by != ByCertify {
		return Certification{}, ErrIDType
	}
	if !orderNo.MatchString(o.OrderNo) {
		return Certification{}, fmt.Errorf("%w: order number is not 32 letters and digits", ErrConfiguration)
	}
	c := g.current.Load()
	if o.ReturnURL == "" {
		o.ReturnURL = "alipays://platformapi/startapp?appId=" + c.keyring.AppID()
	}
	ask := alipay.NewPayload("alipay.user.certify.open.initialize").
		AddBizField("outer_order_no", o.OrderNo).AddBizField("biz_code", "FACE").
		AddBizField("identity_param", map[string]string{
			"identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD",
			"cert_name": o.Person.Name, "cert_no": o.Person.IDNumber,
		}).
		AddBizField("merchant_config", map[string]string{"return_url": o.ReturnURL})
	var out struct {
		CertifyID string `json:"certify_id"`
	}
	if err := c.call(ctx, ask, &out); err != nil {
		return Certification{}, err
	}
	if !opaque.MatchString(out.CertifyID) {
		return Certification{}, fmt.Errorf("%s: %w: no certify_id", ask.APIName(), ErrUnavailable)
	}
	page, err := pageURL(g.url, c.keyring, out.CertifyID)
	return Certification{ID: out.CertifyID, URL: page}, err
}

// pageURL returns the signed URL of the page of a verification. A third-party application signs it
// without app_auth_token, because the URL goes to the citizen's phone; certify_id belongs to the
// mini-program already. Whether Alipay's page accepts that is not documented.
func pageURL(gateway string, keyring *keys.AlipayKeyring, certifyID string) (string, error) {
	content, err := json.Marshal(map[string]string{"certify_id": certifyID})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	params := url.Values{
		"app_id": {keyring.SigningAppID()}, "method": {"alipay.user.certify.open.certify"}, "format": {"JSON"},
		"charset": {"utf-8"}, "sign_type": {"RSA2"}, "version": {"1.0"},
		"timestamp": {time.Now().In(calendar.Beijing).Format(time.DateTime)}, "biz_content": {string(content)},
	}
	if sn := keyring.AppCertSN(); sn != "" { // certificate mode
		params.Set("app_cert_sn", sn)
		params.Set("alipay_root_cert_sn", keyring.RootCertSN())
	}
	text, err := Canonical(params, Request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	signature, err := Sign(keyring.Signer(), text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	params.Set("sign", signature)
	return gateway + "?" + params.Encode(), nil
}

// CertificationPassed returns the outcome of a verification that StartCertification
// started (alipay.user.certify.open.query). The outcome that the front end reports is
// not authentic; only this one is. Alipay also answers F while the citizen has not
// finished, then without fail_reason; that is Pending. It is idempotent.
// Errors: ErrUnavailable, ErrForged, ErrConfiguration.
func (g *Gateway) CertificationPassed(ctx context.Context, certifyID string) (Verdict, error) {
	var out struct {
		Passed     string `json:"passed"`
		FailReason string `json:"fail_reason"`
	}
	ask := alipay.NewPayload("alipay.user.certify.open.query").AddBizField("certify_id", certifyID)
	if err := g.current.Load().call(ctx, ask, &out); err != nil {
		return "", err
	}
	switch {
	case out.Passed == "T":
		return Passed, nil
	case out.Passed == "F" && out.FailReason == "":
		return Pending, nil
	case out.Passed == "F":
		return Failed, nil
	}
	return "", fmt.Errorf("%s: %w: neither T nor F", ask.APIName(), ErrUnavailable)
}

// StartFaceVerification is StartCertification for residence permits
// (datadigital.fincloud.generalsaas.face.verification.initialize). The URL of the page
// comes from Alipay; its scheme must be https, alipays, or http on a loopback address.
func (g *Gateway) StartFaceVerification(ctx context.Context, o CertifyOrder) (Certification, error) {
	if by, err := VerificationFor(o.Person.IDType, o.Person.IDNumber); err != nil || by != ByFace {
		return Certification{}, ErrIDType
	}
	if !orderNo.MatchString(o.OrderNo) {
		return Certification{}, fmt.Errorf("%w: order number is not 32 letters and digits", ErrConfiguration)
	}
	ask := alipay.NewPayload("datadigital.fincloud.generalsaas.face.verification.initialize").
		AddBizField("outer_order_no", o.OrderNo).
		AddBizField("biz_code", "DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION").
		AddBizField("identity_type", "CERT_INFO").AddBizField("cert_type", permitType(o.Person.IDNumber)).
		AddBizField("cert_name", o.Person.Name).AddBizField("cert_no", o.Person.IDNumber)
	var out struct {
		CertifyID string `json:"certify_id"`
		PageURL   string `json:"page_url"`
	}
	if err := g.current.Load().call(ctx, ask, &out); err != nil {
		return Certification{}, err
	}
	if !opaque.MatchString(out.CertifyID) || !isPage(out.PageURL) {
		return Certification{}, fmt.Errorf("%s: %w: no certify_id or no page", ask.APIName(), ErrUnavailable)
	}
	return Certification{ID: out.CertifyID, URL: out.PageURL}, nil
}

// isPage reports whether s is an acceptable URL of a verification page.
func isPage(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "alipays" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// FaceVerificationPassed is CertificationPassed for StartFaceVerification
// (datadigital.fincloud.generalsaas.face.verification.query). It returns Failed if
// attack_flag reports an attack, even if certify_state is SUCCESS.
func (g *Gateway) FaceVerificationPassed(ctx context.Context, certifyID string) (Verdict, error) {
	var out struct {
		State  string `json:"certify_state"`
		Attack string `json:"attack_flag"`
	}
	ask := alipay.NewPayload("datadigital.fincloud.generalsaas.face.verification.query").AddBizField("certify_id", certifyID)
	if err := g.current.Load().call(ctx, ask, &out); err != nil {
		return "", err
	}
	switch {
	case out.State == "SUCCESS" && (out.Attack == "" || out.Attack == "F"):
		return Passed, nil
	case out.State == "SUCCESS", out.State == "FAIL":
		return Failed, nil
	case out.State == "PROCESSING":
		return Pending, nil
	}
	return "", fmt.Errorf("%s: %w: unknown certify_state", ask.APIName(), ErrUnavailable)
}
