package alipaysim

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"
)

// A Message is a call that does something about a citizen beyond answering.
type Message struct {
	Method  string
	At      time.Time
	Content json.RawMessage // biz_content as sent
}

// record keeps the call for Messages, the last thousand of them. The caller holds mu.
func (s *Sim) record(form url.Values) {
	s.messages = append(s.messages, Message{
		Method:  form.Get("method"),
		At:      s.cfg.Now(),
		Content: json.RawMessage(form.Get("biz_content")),
	})
	s.messages = s.messages[max(0, len(s.messages)-1000):]
}

// certifyInitialize begins a face verification.
func (s *Sim) certifyInitialize(form url.Values) (any, *failure) {
	var in struct {
		OuterOrderNo  string `json:"outer_order_no"`
		BizCode       string `json:"biz_code"`
		IdentityParam struct {
			IdentityType string `json:"identity_type"`
			CertType     string `json:"cert_type"`
			CertName     string `json:"cert_name"`
			CertNo       string `json:"cert_no"`
		} `json:"identity_param"`
		MerchantConfig json.RawMessage `json:"merchant_config"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	id := in.IdentityParam
	bizCodes := []string{"FACE", "CERT_PHOTO", "CERT_PHOTO_FACE", "SMART_FACE"}
	if in.OuterOrderNo == "" || len(in.OuterOrderNo) > 32 || !slices.Contains(bizCodes, in.BizCode) ||
		id.IdentityType != "CERT_INFO" || id.CertType != "IDENTITY_CARD" || id.CertName == "" || id.CertNo == "" {
		return nil, invalid("invalid-parameter", "参数无效")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(form)
	certifyID := s.keep(s.certify, claim{name: id.CertName, certType: id.CertType, number: id.CertNo})
	return struct {
		success
		CertifyID string `json:"certify_id"`
	}{succeeded, certifyID}, nil
}

// certifyQuery answers as if the citizen had shown a face at once: it is the right
// one when the claim fits somebody whose story is not "face_fails".
func (s *Sim) certifyQuery(form url.Values) (any, *failure) {
	var in struct {
		CertifyID string `json:"certify_id"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(form)
	c, found := s.certify[in.CertifyID]
	if !found || s.cfg.Now().After(c.expires) {
		return nil, business("CERTIFY_ID_EXPIRED", "认证已失效") // Alipay's own sub_code is not published
	}
	if slices.ContainsFunc(s.people, func(p Person) bool { return c.fits(p) && p.Story != "face_fails" }) {
		return passed{success: succeeded, Passed: "T"}, nil
	}
	return passed{success: succeeded, Passed: "F", FailReason: "人脸比对不通过"}, nil
}

// What makes a template message fail.
const (
	RefusesMessages = "refuses_messages" // story of a person who subscribed to none
	WrongTemplate   = "wrong-template"   // the template that does not exist
)

// templateMessage takes a message to a citizen it knows.
func (s *Sim) templateMessage(form url.Values) (any, *failure) {
	var in struct {
		ToUserID string `json:"to_user_id"`
		ToOpenID string `json:"to_open_id"`
		Template string `json:"user_template_id"`
		Page     string `json:"page"`
		Data     string `json:"data"` // JSON in a JSON string
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.people, func(p Person) bool {
		return in.ToOpenID != "" && p.OpenID == in.ToOpenID || in.ToUserID != "" && p.UserID == in.ToUserID
	})
	switch {
	case in.Template == "" || in.Page == "" || len(in.Page) > 128 || !json.Valid([]byte(in.Data)):
		return nil, invalid("invalid-parameter", "参数无效")
	case in.Template == WrongTemplate:
		return nil, business("USER_TEMPLATE_ILLEGAL", "模板非法")
	case i < 0: // Alipay's own sub_codes of this and the next are not published
		return nil, business("USER_NOT_EXIST", "用户不存在")
	case s.people[i].Story == RefusesMessages:
		return nil, business("USER_NOT_SUBSCRIBED", "用户未订阅该消息")
	}
	s.record(form)
	return succeeded, nil
}
