package alipaysim

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
)

// ErrUnknownCertify means that there is no verification with that certify_id.
var ErrUnknownCertify = errors.New("alipaysim: unknown certify_id")

// A verification is a face verification that was started.
type verification struct {
	claim
	product string // byCertify or byFace; the other product does not know it
	outcome string // set by Certify; "" = by the person's story
}

// Outcomes of a verification.
const (
	outcomePassed  = "passed"
	outcomeFailed  = "failed"
	outcomePending = "pending"
)

// The products.
const (
	byCertify = "certify"
	byFace    = "face"
)

// faceOrder has the fields that both products' initialize have in common.
type faceOrder struct {
	OuterOrderNo string `json:"outer_order_no"`
	BizCode      string `json:"biz_code"`
	faceIdentity
}

type faceIdentity struct {
	IdentityType string `json:"identity_type"`
	CertType     string `json:"cert_type"`
	CertName     string `json:"cert_name"`
	CertNo       string `json:"cert_no"`
}

var (
	orderNo    = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)
	cardNumber = regexp.MustCompile(`^[0-9]{17}[0-9X]$`)
)

// valid reports whether all fields are valid and CertType is one of types.
func (id faceIdentity) valid(types ...string) bool {
	return id.IdentityType == "CERT_INFO" && slices.Contains(types, id.CertType) &&
		id.CertName != "" && cardNumber.MatchString(id.CertNo)
}

// certifyInitialize implements alipay.user.certify.open.initialize.
func (s *Sim) certifyInitialize(form url.Values) (any, *failure) {
	var in struct {
		OuterOrderNo   string       `json:"outer_order_no"`
		BizCode        string       `json:"biz_code"`
		IdentityParam  faceIdentity `json:"identity_param"`
		MerchantConfig struct {
			ReturnURL string `json:"return_url"`
		} `json:"merchant_config"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	bizCodes := []string{"FACE", "CERT_PHOTO", "CERT_PHOTO_FACE", "SMART_FACE"}
	if !slices.Contains(bizCodes, in.BizCode) || in.MerchantConfig.ReturnURL == "" || !in.IdentityParam.valid("IDENTITY_CARD") {
		return nil, invalid("invalid-parameter", "参数无效")
	}
	certifyID, f := s.openVerification(form, byCertify, faceOrder{in.OuterOrderNo, in.BizCode, in.IdentityParam})
	if f != nil {
		return nil, f
	}
	return struct {
		success
		CertifyID string `json:"certify_id"`
	}{succeeded, certifyID}, nil
}

// faceInitialize implements
// datadigital.fincloud.generalsaas.face.verification.initialize.
func (s *Sim) faceInitialize(form url.Values) (any, *failure) {
	var in faceOrder
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if in.BizCode != "DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION" || !in.valid("IDENTITY_CARD", "RESIDENCE_HK_MC", "RESIDENCE_TAIWAN") {
		return nil, invalid("invalid-parameter", "参数无效")
	}
	certifyID, f := s.openVerification(form, byFace, in)
	if f != nil {
		return nil, f
	}
	return struct {
		success
		CertifyID string `json:"certify_id"`
		PageURL   string `json:"page_url"`
		WebURL    string `json:"web_url"`
	}{succeeded, certifyID, facePage + certifyID, facePage + certifyID}, nil
}

// facePage is not a working URL, because the simulator does not know its own host name.
const facePage = "https://alipay-simulator.invalid/face?certify_id="

// openVerification starts a verification and returns its certify_id. It rejects an order
// number that was used before.
func (s *Sim) openVerification(form url.Values, product string, o faceOrder) (string, *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !orderNo.MatchString(o.OuterOrderNo) {
		return "", invalid("invalid-parameter", "商户请求的唯一标识无效")
	}
	if s.orders[o.OuterOrderNo] {
		return "", business("OUTER_ORDER_NO_DUPLICATE", "商户请求的唯一标识重复") // Alipay's sub_code is not published
	}
	s.orders[o.OuterOrderNo] = true
	s.record(form)
	now := s.cfg.Now()
	if len(s.checks)%1024 == 0 {
		maps.DeleteFunc(s.checks, func(_ string, old *verification) bool { return now.After(old.expires) })
	}
	id := randomHex()
	c := claim{name: o.CertName, certType: o.CertType, number: o.CertNo, expires: now.Add(claimLife)}
	s.checks[id] = &verification{claim: c, product: product}
	return id, nil
}

// Certify sets the outcome of a verification and overrides the person's story: passed,
// failed, or pending if pass is nil. It returns ErrUnknownCertify.
func (s *Sim) Certify(certifyID string, pass *bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, found := s.checks[certifyID]
	switch {
	case !found:
		return ErrUnknownCertify
	case pass == nil:
		c.outcome = outcomePending
	case *pass:
		c.outcome = outcomePassed
	default:
		c.outcome = outcomeFailed
	}
	return nil
}

// verdict returns the outcome of the verification with form's certify_id. If Certify has
// not set one, the verification passes when the claim matches a person, unless the
// person's story is "face_fails" (failed) or "face_pending" (pending).
func (s *Sim) verdict(form url.Values, product string) (string, *failure) {
	var in struct {
		CertifyID string `json:"certify_id"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return "", invalid("illegal-json", "biz_content不是合法的JSON")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(form)
	c, found := s.checks[in.CertifyID]
	if !found || c.product != product || s.cfg.Now().After(c.expires) {
		return "", business("CERTIFY_ID_EXPIRED", "认证已失效") // Alipay's sub_code is not published
	}
	if c.outcome != "" {
		return c.outcome, nil
	}
	i := slices.IndexFunc(s.people, func(p Person) bool {
		return p.Certified && p.IDType == "01" && p.Name == c.name && p.IDNumber == c.number
	})
	switch {
	case i < 0 || s.people[i].Story == "face_fails":
		return outcomeFailed, nil
	case s.people[i].Story == "face_pending":
		return outcomePending, nil
	}
	return outcomePassed, nil
}

// certifyQuery implements alipay.user.certify.open.query. A pending verification is F
// without fail_reason.
func (s *Sim) certifyQuery(form url.Values) (any, *failure) {
	outcome, f := s.verdict(form, byCertify)
	if f != nil {
		return nil, f
	}
	switch outcome {
	case outcomePassed:
		return passed{success: succeeded, Passed: "T"}, nil
	case outcomeFailed:
		return passed{success: succeeded, Passed: "F", FailReason: "人脸比对不通过"}, nil
	}
	return passed{success: succeeded, Passed: "F"}, nil
}

// faceQuery implements datadigital.fincloud.generalsaas.face.verification.query.
func (s *Sim) faceQuery(form url.Values) (any, *failure) {
	outcome, f := s.verdict(form, byFace)
	if f != nil {
		return nil, f
	}
	states := map[string]string{outcomePassed: "SUCCESS", outcomeFailed: "FAIL", outcomePending: "PROCESSING"}
	return struct {
		success
		State  string `json:"certify_state"`
		Attack string `json:"attack_flag"`
	}{succeeded, states[outcome], "F"}, nil
}

// pageMethod is the method of a page: its signed request is the URL of the page.
const pageMethod = "alipay.user.certify.open.certify"

// certifyPage answers GET /gateway.do, the page on which a citizen verifies the face. Like
// Alipay it checks the signature and that the verification exists.
func (s *Sim) certifyPage(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	if form.Get("method") != pageMethod {
		notFound(w, r)
		return
	}
	f := s.checkApp(form)
	if f == nil {
		f = s.checkEnvelope(form)
	}
	if f == nil {
		f = s.checkSignature(form)
	}
	var in struct {
		CertifyID string `json:"certify_id"`
	}
	if f == nil && json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		f = invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if f != nil {
		writeJSON(w, http.StatusBadRequest, f)
		return
	}
	s.mu.Lock()
	c, found := s.checks[in.CertifyID]
	open := found && c.product == byCertify && !s.cfg.Now().After(c.expires)
	s.mu.Unlock()
	if !open {
		writeJSON(w, http.StatusNotFound, problem{Error: ErrUnknownCertify.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"simulator": "no face is checked here; the person's story determines the outcome",
		"otherwise": `POST /sim/certify {"certify_id":"…","pass":true}`,
	})
}

// setVerdict answers POST /sim/certify.
func (s *Sim) setVerdict(w http.ResponseWriter, r *http.Request) {
	var in struct {
		CertifyID string `json:"certify_id"`
		Pass      *bool  `json:"pass"`
	}
	if !readJSON(w, r, &in, `{"certify_id":"…","pass":true}; "pass":null is pending`) {
		return
	}
	if err := s.Certify(in.CertifyID, in.Pass); err != nil {
		writeJSON(w, http.StatusNotFound, problem{Error: err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, in)
}
