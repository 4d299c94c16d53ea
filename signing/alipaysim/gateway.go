package alipaysim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fundpass/keys/calendar"
)

// A failure is the content of an error response. Source: Alipay open platform, common error codes
// (opendocs.alipay.com/common/02km9f).
type failure struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	SubCode string `json:"sub_code"`
	SubMsg  string `json:"sub_msg"`
}

func missing(what, subMsg string) *failure {
	return &failure{"40001", "Missing Required Arguments", "isv.missing-" + what, subMsg}
}

func invalid(what, subMsg string) *failure {
	return &failure{"40002", "Invalid Arguments", "isv." + what, subMsg}
}

func business(subCode, subMsg string) *failure {
	return &failure{"40004", "Business Failed", subCode, subMsg}
}

var invalidAppID = invalid("invalid-app-id", "无效的AppID参数")

// gateway answers POST /gateway.do.
func (s *Sim) gateway(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, problem{Error: "the body is not a form of up to 1 MiB"})
		return
	}
	method := r.Form.Get("method")
	fault := s.countCall(method)
	if apply, ok := requestFaults[fault]; ok {
		apply(s, w, method)
		return
	}
	rep := s.process(method, r.Form)
	s.send(w, r, rep, fault)
}

// countCall counts the call and returns the fault to apply to it, or "".
func (s *Sim) countCall(method string) (fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[""]++
	if _, known := methods[method]; known {
		s.calls[method]++
	}
	spared := s.cfg.SpareMessages && method == "alipay.open.app.mini.templatemessage.send"
	if s.faults > 0 && !spared {
		s.faults--
		fault = s.fault
	}
	return fault
}

// process checks the common parameters in Alipay's order and calls the method.
func (s *Sim) process(method string, form url.Values) reply {
	rep := reply{root: strings.ReplaceAll(method, ".", "_") + "_response"}
	if f := s.checkApp(form); f != nil {
		rep.unsigned = true // the key to sign with is that of an application
		return rep.withFailure(f)
	}
	if f := s.checkEnvelope(form); f != nil {
		return rep.withFailure(f)
	}
	if f := s.checkSignature(form); f != nil {
		return rep.withFailure(f)
	}
	answer, ok := methods[method]
	if !ok {
		return rep.withFailure(invalid("invalid-method", "不存在的方法名"))
	}
	if f := s.checkAppAuth(method, form); f != nil {
		if method == methodOAuthToken {
			rep.root = "error_response"
		}
		return rep.withFailure(f)
	}
	content, f := answer(s, form)
	if f != nil && method == methodOAuthToken {
		rep.root = "error_response" // like all old interfaces
	}
	if f != nil {
		return rep.withFailure(f)
	}
	return rep.withContent(content)
}

func (s *Sim) checkApp(form url.Values) *failure {
	switch form.Get("app_id") {
	case "":
		return missing("app-id", "缺少appId参数")
	case s.callerID():
		return nil
	}
	return invalidAppID
}

func (s *Sim) checkEnvelope(form url.Values) *failure {
	for _, p := range [][2]string{{"method", "method"}, {"sign_type", "signature-type"},
		{"sign", "signature"}, {"timestamp", "timestamp"}, {"version", "version"}} {
		if form.Get(p[0]) == "" {
			return missing(p[1], "缺少参数"+p[0])
		}
	}
	at, err := time.ParseInLocation(time.DateTime, form.Get("timestamp"), calendar.Beijing)
	format := form.Get("format")
	switch {
	case form.Get("sign_type") != "RSA2":
		return invalid("invalid-signature-type", "无效的签名类型")
	case !strings.EqualFold(form.Get("charset"), "utf-8"):
		return invalid("invalid-charset", "字符集错误")
	case format != "" && !strings.EqualFold(format, "JSON"):
		return invalid("invalid-format", "无效的数据格式")
	case form.Get("version") != "1.0":
		return invalid("invalid-parameter", "无效的版本")
	case err != nil || s.cfg.Now().Sub(at).Abs() > 15*time.Minute:
		return invalid("invalid-timestamp", "非法的时间戳参数")
	}
	return s.checkCertificates(form)
}

func (s *Sim) checkCertificates(form url.Values) *failure {
	if s.cfg.Certificates == nil {
		return nil
	}
	switch {
	case form.Get("app_cert_sn") != s.cfg.Certificates.App:
		return invalid("missing-app-cert-sn", "应用公钥证书SN为空或不匹配")
	case form.Get("alipay_root_cert_sn") != s.cfg.Certificates.Root:
		return invalid("missing-alipay-root-cert-sn", "支付宝根证书SN为空或不匹配")
	}
	return nil
}

// checkSignature verifies the signature over all parameters except sign, sorted by name.
// It rejects duplicate and empty parameters, which are never signed.
func (s *Sim) checkSignature(form url.Values) *failure {
	for name, values := range form {
		if len(values) != 1 || values[0] == "" {
			return invalid("invalid-signature", "验签出错，参数重复或为空："+name)
		}
	}
	text := signedText(form, "sign")
	digest := sha256.Sum256([]byte(text))
	sign := form.Get("sign")
	raw, err := base64.StdEncoding.DecodeString(sign)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != sign ||
		rsa.VerifyPKCS1v15(s.cfg.AppKey, crypto.SHA256, digest[:], raw) != nil {
		// Like Alipay, quote the whole request, escaped for HTML.
		return invalid("invalid-signature", fmt.Sprintf("验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配，网关生成的验签字符串为：%s", html.EscapeString(text)))
	}
	return nil
}
