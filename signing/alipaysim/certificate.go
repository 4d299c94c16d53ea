package alipaysim

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
)

// certDownload returns Config.Certificates.PEM of a serial number. Like all responses it
// is signed with the current key, which may be the key of that certificate.
func (s *Sim) certDownload(form url.Values) (any, *failure) {
	var in struct {
		SN string `json:"alipay_cert_sn"`
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	if s.cfg.Certificates == nil || s.cfg.Certificates.PEM[in.SN] == nil {
		return nil, business("CERT_NOT_EXIST", "证书不存在") // Alipay's own sub_code is not published
	}
	return struct {
		success
		Content string `json:"alipay_cert_content"`
	}{succeeded, base64.StdEncoding.EncodeToString(s.cfg.Certificates.PEM[in.SN])}, nil
}
