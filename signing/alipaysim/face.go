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

// ErrUnknownCertify says that no verification of that certify_id was opened.
var ErrUnknownCertify = errors.New("alipaysim: unknown certify_id")

// A faceCheck is a verification that was opened and what came of it.
type faceCheck struct {
	claim
	product string // byCertify or byFace: the other one's query does not know it
	end     string // how Certify said it ends; "" = as the person's story has it
}

// How a verification ends.
const (
	endPassed  = "passed"
	endFailed  = "failed"
	endPending = "pending"
)

const (
	byCertify = "certify"
	byFace    = "face"
)

// faceOrder is what both products' initialize have in common.
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

// whole says whether every field has its form, with a certificate type of types.
func (id faceIdentity) whole(types ...string) bool {
	return id.IdentityType == "CERT_INFO" && slices.Contains(types, id.CertType) &&
		id.CertName != "" && cardNumber.MatchString(id.CertNo)
}

// certifyInitialize begins a face verification (alipay.user.certify.open.initialize).
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
	if !slices.Contains(bizCodes, in.BizCode) || in.MerchantConfig.ReturnURL == "" || !in.IdentityParam.whole("IDENTITY_CARD") {
		return nil, invalid("invalid-parameter", "参数无效")
	}
	certifyID, f := s.openCheck(form, byCertify, faceOrder{in.OuterOrderNo, in.BizCode, in.IdentityParam})
	if f != nil {
		return nil, f
	}
	return struct {
		success
		CertifyID string `json:"certify_id"`
	}{succeeded, certifyID}, nil
}

// faceInitialize begins a verification of the other product
// (datadigital.fincloud.generalsaas.face.verification.initialize).
func (s *Sim) faceInitialize(form url.Values) (any, *failure) {
	var in faceOrder
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if in.BizCode != "DATA_DIGITAL_BIZ_CODE_FACE_VERIFICATION" || !in.whole("IDENTITY_CARD", "RESIDENCE_HK_MC", "RESIDENCE_TAIWAN") {
		return nil, invalid("invalid-parameter", "参数无效")
	}
	certifyID, f := s.openCheck(form, byFace, in)
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

// facePage leads nowhere: the simulator does not know by which name it is reached.
const facePage = "https://alipay-simulator.invalid/face?certify_id="

// openCheck refuses an order number that was used before.
func (s *Sim) openCheck(form url.Values, product string, o faceOrder) (string, *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !orderNo.MatchString(o.OuterOrderNo) {
		return "", invalid("invalid-parameter", "商户请求的唯一标识无效")
	}
	if s.orders[o.OuterOrderNo] {
		return "", business("OUTER_ORDER_NO_DUPLICATE", "商户请求的唯一标识重复") // Alipay's own sub_code is not published
	}
	s.orders[o.OuterOrderNo] = true
	s.record(form)
	now := s.cfg.Now()
	if len(s.checks)%1024 == 0 {
		maps.DeleteFunc(s.checks, func(_ string, old *faceCheck) bool { return now.After(old.expires) })
	}
	id := randomHex()
	c := claim{name: o.CertName, certType: o.CertType, number: o.CertNo, expires: now.Add(claimLife)}
	s.checks[id] = &faceCheck{claim: c, product: product}
	return id, nil
}

// Certify says how the citizen's verification ends, against the story: it passes,
// it fails, or, with pass nil, it is not over. Fails with ErrUnknownCertify.
func (s *Sim) Certify(certifyID string, pass *bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, found := s.checks[certifyID]
	switch {
	case !found:
		return ErrUnknownCertify
	case pass == nil:
		c.end = endPending
	case *pass:
		c.end = endPassed
	default:
		c.end = endFailed
	}
	return nil
}

// verdict is how the verification behind form's certify_id ended. Unless Certify said
// otherwise, the citizen has shown a face at once: the right one when the claim fits
// somebody whose story is not "face_fails"; in "face_pending" nobody has yet.
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
		return "", business("CERTIFY_ID_EXPIRED", "认证已失效") // Alipay's own sub_code is not published
	}
	if c.end != "" {
		return c.end, nil
	}
	i := slices.IndexFunc(s.people, func(p Person) bool {
		return p.Certified && p.IDType == "01" && p.Name == c.name && p.IDNumber == c.number
	})
	switch {
	case i < 0 || s.people[i].Story == "face_fails":
		return endFailed, nil
	case s.people[i].Story == "face_pending":
		return endPending, nil
	}
	return endPassed, nil
}

// certifyQuery answers alipay.user.certify.open.query. Before the end it says F
// without a reason.
func (s *Sim) certifyQuery(form url.Values) (any, *failure) {
	end, f := s.verdict(form, byCertify)
	if f != nil {
		return nil, f
	}
	switch end {
	case endPassed:
		return passed{success: succeeded, Passed: "T"}, nil
	case endFailed:
		return passed{success: succeeded, Passed: "F", FailReason: "人脸比对不通过"}, nil
	}
	return passed{success: succeeded, Passed: "F"}, nil
}

// faceQuery answers datadigital.fincloud.generalsaas.face.verification.query.
func (s *Sim) faceQuery(form url.Values) (any, *failure) {
	end, f := s.verdict(form, byFace)
	if f != nil {
		return nil, f
	}
	states := map[string]string{endPassed: "SUCCESS", endFailed: "FAIL", endPending: "PROCESSING"}
	return struct {
		success
		State  string `json:"certify_state"`
		Attack string `json:"attack_flag"`
	}{succeeded, states[end], "F"}, nil
}

// pageMethod is no call: its signed request is the address of a page.
const pageMethod = "alipay.user.certify.open.certify"

// page answers GET /gateway.do, where a phone goes to verify a face. What it checks
// is what Alipay would: the signature, and that the verification exists.
func (s *Sim) page(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	if form.Get("method") != pageMethod {
		offers(w, r)
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
		"simulator": "this is no Alipay: nobody's face is looked at; the person's story says how it ends",
		"otherwise": `POST /sim/certify {"certify_id":"…","pass":true}`,
	})
}

// certifyRoute answers POST /sim/certify.
func (s *Sim) certifyRoute(w http.ResponseWriter, r *http.Request) {
	var in struct {
		CertifyID string `json:"certify_id"`
		Pass      *bool  `json:"pass"`
	}
	if !readJSON(w, r, &in, `{"certify_id":"…","pass":true}; "pass":null is not over yet`) {
		return
	}
	if err := s.Certify(in.CertifyID, in.Pass); err != nil {
		writeJSON(w, http.StatusNotFound, problem{Error: err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, in)
}
