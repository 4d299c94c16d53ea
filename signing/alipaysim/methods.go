package alipaysim

import (
	"encoding/json"
	"maps"
	"net/url"
	"time"

	"fundpass/keys/calendar"
)

// methods are the implemented methods. Each returns the content of a success, which is
// encoded as JSON, or a failure.
var methods = map[string]func(*Sim, url.Values) (any, *failure){
	methodOAuthToken:                            (*Sim).oauthToken,
	"alipay.user.info.share":                    (*Sim).infoShare,
	"alipay.user.certdoc.certverify.preconsult": (*Sim).preconsult,
	"alipay.user.certdoc.certverify.consult":    (*Sim).consult,
	"alipay.user.certify.open.initialize":       (*Sim).certifyInitialize,
	"alipay.user.certify.open.query":            (*Sim).certifyQuery,

	"datadigital.fincloud.generalsaas.face.verification.initialize": (*Sim).faceInitialize,
	"datadigital.fincloud.generalsaas.face.verification.query":      (*Sim).faceQuery,

	"alipay.open.app.mini.templatemessage.send": (*Sim).templateMessage,
	methodCertDownload:                          (*Sim).certDownload,
	methodAppAuth:                               (*Sim).appAuthToken,
	"alipay.user.deloauth.detail.query":         (*Sim).deloauthQuery,

	"alipay.open.app.openid.uidtoopenid.batchquery": (*Sim).openIDQuery,
}

// success is the beginning of every success except that of oauth.token.
type success struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
}

var succeeded = success{Code: "10000", Msg: "Success"}

// identity identifies a user in a response: open_id, for old applications user_id.
type identity struct {
	UserID string `json:"user_id,omitempty"`
	OpenID string `json:"open_id,omitempty"`
}

// A claim is a name and a document to be compared with those of a person.
type claim struct {
	name, certType, number string
	expires                time.Time
}

const (
	tokenLife = 15 * 24 * time.Hour
	claimLife = 2 * time.Hour // of a verify_id, as documented; also used for a certify_id
)

// idTypes maps Alipay's cert_type to ZJLX codes.
var idTypes = map[string]string{"IDENTITY_CARD": "01", "OFFICER_CARD": "02", "PASSPORT": "03"}

// fits reports whether c matches p, who must be certified.
func (c claim) fits(p Person) bool {
	return p.Certified && c.name == p.Name && idTypes[c.certType] == p.IDType && c.number == p.IDNumber
}

// oauthToken implements alipay.system.oauth.token. A code is used up even if the caller
// does not wait for the response.
func (s *Sim) oauthToken(form url.Values) (any, *failure) {
	if form.Get("grant_type") != "authorization_code" {
		return nil, invalid("grant-type-invalid", "grant_type参数不正确")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code, now := form.Get("code"), s.cfg.Now()
	t, found := s.codes[code]
	delete(s.codes, code)
	i := s.find(t.person)
	if !found || now.After(t.expires) || i < 0 {
		return nil, invalid("code-invalid", "授权码code无效")
	}
	p := s.disclose(s.people[i])
	out := struct {
		identity
		AccessToken  string `json:"access_token"`
		ExpiresIn    any    `json:"expires_in"`
		RefreshToken string `json:"refresh_token"`
		ReExpiresIn  any    `json:"re_expires_in"`
		AuthStart    string `json:"auth_start"`
	}{
		identity:     identity{p.UserID, p.OpenID},
		AccessToken:  s.issueCredential(s.tokens, "authusrB", credential{p.Person, now.Add(tokenLife)}),
		ExpiresIn:    int(tokenLife.Seconds()),
		RefreshToken: "authusrR" + randomHex(),
		ReExpiresIn:  int(2 * tokenLife.Seconds()),
		AuthStart:    now.In(calendar.Beijing).Format(time.DateTime),
	}
	if p.UserID != "" { // both types occur: the documents say string, gateways have sent numbers
		out.ExpiresIn, out.ReExpiresIn = "1296000", "2592000"
	}
	return out, nil
}

// holder returns the owner of form's auth_token. The caller holds mu.
func (s *Sim) holder(form url.Values) (Person, *failure) {
	t, found := s.tokens[form.Get("auth_token")]
	i := s.find(t.person)
	switch {
	case !found || i < 0:
		return Person{}, &failure{"20001", "Insufficient Token Permissions", "aop.invalid-auth-token", "无效的访问令牌"}
	case s.cfg.Now().After(t.expires):
		return Person{}, &failure{"20001", "Insufficient Token Permissions", "aop.auth-token-time-out", "访问令牌已过期"}
	}
	return s.disclose(s.people[i]), nil
}

// infoShare implements alipay.user.info.share for an application without approved fields.
func (s *Sim) infoShare(form url.Values) (any, *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, f := s.holder(form)
	if f != nil {
		return nil, f
	}
	certified := "F"
	if p.Certified {
		certified = "T"
	}
	return struct {
		success
		identity
		UserType    string `json:"user_type"`   // 2 = a person
		UserStatus  string `json:"user_status"` // T = normal
		IsCertified string `json:"is_certified"`
	}{succeeded, identity{p.UserID, p.OpenID}, "2", "T", certified}, nil
}

// preconsult implements alipay.user.certdoc.certverify.preconsult.
func (s *Sim) preconsult(form url.Values) (any, *failure) {
	var in struct {
		UserName string `json:"user_name"`
		CertType string `json:"cert_type"`
		CertNo   string `json:"cert_no"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if in.UserName == "" || in.CertNo == "" || idTypes[in.CertType] == "" {
		return nil, invalid("invalid-parameter", "姓名、证件类型或证件号无效")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.storeClaim(s.verifies, claim{name: in.UserName, certType: in.CertType, number: in.CertNo})
	return struct {
		success
		VerifyID string `json:"verify_id"`
	}{succeeded, id}, nil
}

// storeClaim stores c in m under a new random id, which it returns. The caller holds mu.
func (s *Sim) storeClaim(m map[string]claim, c claim) string {
	now := s.cfg.Now()
	if len(m)%1024 == 0 {
		maps.DeleteFunc(m, func(_ string, old claim) bool { return now.After(old.expires) })
	}
	c.expires = now.Add(claimLife)
	id := randomHex()
	m[id] = c
	return id
}

// consult implements alipay.user.certdoc.certverify.consult: it compares a claim with the
// owner of auth_token.
func (s *Sim) consult(form url.Values) (any, *failure) {
	var in struct {
		VerifyID string `json:"verify_id"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, f := s.holder(form)
	if f != nil {
		return nil, f
	}
	c, found := s.verifies[in.VerifyID]
	if !found || s.cfg.Now().After(c.expires) {
		return nil, business("VERIFY_ID_EXPIRED", "校验信息已过期") // Alipay's sub_code is not published
	}
	if c.fits(p) {
		return passed{success: succeeded, Passed: "T"}, nil
	}
	return passed{success: succeeded, Passed: "F", FailReason: "证件信息不一致"}, nil
}

type passed struct {
	success
	Passed     string `json:"passed"`
	FailReason string `json:"fail_reason,omitempty"`
}
