package alipaysim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartwalle/alipay/v3"

	"fundpass/signing/alipaysim"
)

func TestNewRequiresApplication(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]alipaysim.Config{
		"nothing": {}, "no key": {AppID: appID}, "no id": {AppKey: &appKey().PublicKey},
	} {
		if _, err := alipaysim.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	sim, err := alipaysim.New(alipaysim.Config{AppID: appID, AppKey: &appKey().PublicKey})
	if err != nil || sim.AlipayKey().N.BitLen() != 2048 || sim.AlipayKey().Equal(&appKey().PublicKey) {
		t.Errorf("a key of its own: %v", err)
	}
}

// Each check of a request fails alone.
func TestRequestChecks(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	set := func(name, value string) func(url.Values) { return func(f url.Values) { f.Set(name, value) } }
	without := func(name string) func(url.Values) { return func(f url.Values) { f.Del(name) } }
	stamp := func(d time.Duration) func(url.Values) {
		return set("timestamp", start.UTC().Add(8*time.Hour+d).Format(time.DateTime))
	}
	stranger := newTestKey()
	cases := []struct {
		name           string
		change, tamper func(url.Values)
		code, subCode  string
		unsigned       bool
	}{
		{name: "nothing broken", code: "10000"},
		{name: "no app_id", change: without("app_id"), code: "40001", subCode: "isv.missing-app-id", unsigned: true},
		{name: "other app_id", change: set("app_id", "2021000000000002"), code: "40002", subCode: "isv.invalid-app-id", unsigned: true},
		{name: "app_id before sign", change: set("app_id", "x"), tamper: set("sign", "x"), code: "40002", subCode: "isv.invalid-app-id", unsigned: true},
		{name: "no sign", tamper: without("sign"), code: "40001", subCode: "isv.missing-signature"},
		{name: "no sign_type", change: without("sign_type"), code: "40001", subCode: "isv.missing-signature-type"},
		{name: "no timestamp", change: without("timestamp"), code: "40001", subCode: "isv.missing-timestamp"},
		{name: "no version", change: without("version"), code: "40001", subCode: "isv.missing-version"},
		{name: "no method", change: without("method"), code: "40001", subCode: "isv.missing-method"},
		{name: "RSA", change: set("sign_type", "RSA"), code: "40002", subCode: "isv.invalid-signature-type"},
		{name: "charset", change: set("charset", "gbk"), code: "40002", subCode: "isv.invalid-charset"},
		{name: "no charset", change: without("charset"), code: "40002", subCode: "isv.invalid-charset"},
		{name: "format", change: set("format", "XML"), code: "40002", subCode: "isv.invalid-format"},
		{name: "version", change: set("version", "2.0"), code: "40002", subCode: "isv.invalid-parameter"},
		{name: "14 minutes fast", change: stamp(14 * time.Minute), code: "10000"},
		{name: "16 minutes fast", change: stamp(16 * time.Minute), code: "40002", subCode: "isv.invalid-timestamp"},
		{name: "16 minutes slow", change: stamp(-16 * time.Minute), code: "40002", subCode: "isv.invalid-timestamp"},
		{name: "UTC for Beijing", change: stamp(-8 * time.Hour), code: "40002", subCode: "isv.invalid-timestamp"},
		{name: "ISO timestamp", change: set("timestamp", start.Format(time.RFC3339)), code: "40002", subCode: "isv.invalid-timestamp"},
		{name: "changed later", tamper: set("auth_token", "x"), code: "40002", subCode: "isv.invalid-signature"},
		{name: "added later", tamper: set("more", "x"), code: "40002", subCode: "isv.invalid-signature"},
		{name: "twice", tamper: func(f url.Values) { f.Add("auth_token", f.Get("auth_token")) }, code: "40002", subCode: "isv.invalid-signature"},
		{name: "sent empty", tamper: set("app_auth_token", ""), code: "40002", subCode: "isv.invalid-signature"},
		{name: "signed empty", change: set("app_auth_token", ""), code: "40002", subCode: "isv.invalid-signature"},
		{name: "sign broken in lines", tamper: func(f url.Values) { f.Set("sign", f.Get("sign")[:76]+"\n"+f.Get("sign")[76:]) },
			code: "40002", subCode: "isv.invalid-signature"},
		{name: "another key", tamper: func(f url.Values) {
			raw, err := rsa.SignPKCS1v15(rand.Reader, stranger, 0, make([]byte, 32))
			if err != nil {
				t.Error(err)
			}
			f.Set("sign", base64.StdEncoding.EncodeToString(raw))
		}, code: "40002", subCode: "isv.invalid-signature"},
		{name: "unknown method", change: set("method", "alipay.trade.query"), code: "40002", subCode: "isv.invalid-method"},
	}
	token := s.exchange(s.code("ok")).text("access_token")
	for _, c := range cases {
		form := s.request("alipay.user.info.share", map[string]string{"auth_token": token}, c.change, c.tamper)
		a := s.post(form)
		if a.text("code") != c.code || a.text("sub_code") != c.subCode || a.signed == c.unsigned {
			t.Errorf("%s: %s, signed %v", c.name, a.raw, a.signed)
		}
	}
}

// The error of a wrong signature quotes the request, like Alipay's.
func TestWrongSignatureQuotesTheRequest(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	a := s.post(s.request("alipay.system.oauth.token", map[string]string{"code": "thecode"}, nil,
		func(f url.Values) { f.Set("sign", "AAAA") }))
	if !strings.Contains(a.text("sub_msg"), "&amp;code=thecode&amp;") {
		t.Errorf("%q", a.text("sub_msg"))
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{Certificates: &alipaysim.Certificates{App: "aa", Root: "bb_cc", Alipay: "dd"}})
	ask := func(app, root string) string {
		params := map[string]string{"auth_token": "x"}
		if app != "" {
			params["app_cert_sn"] = app
		}
		if root != "" {
			params["alipay_root_cert_sn"] = root
		}
		return s.call("alipay.user.info.share", params).text("sub_code")
	}
	for _, c := range [][3]string{
		{"aa", "bb_cc", "aop.invalid-auth-token"}, {"", "", "isv.missing-app-cert-sn"},
		{"ab", "bb_cc", "isv.missing-app-cert-sn"}, {"aa", "", "isv.missing-alipay-root-cert-sn"},
	} {
		if got := ask(c[0], c[1]); got != c[2] {
			t.Errorf("%q %q: %s", c[0], c[1], got)
		}
	}
}

func TestAuthCodes(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	if _, err := s.sim.AuthCode("nobody"); !errors.Is(err, alipaysim.ErrUnknownPerson) {
		t.Error(err)
	}
	first, second, late, later := s.code("ok"), s.code("ok"), s.code("ok"), s.code("ok")
	good := s.exchange(first)
	if good.root != "alipay_system_oauth_token_response" || !good.signed || good.text("open_id") == "" ||
		good.content["user_id"] != nil || good.content["code"] != nil || good.content["expires_in"] != 1296000.0 {
		t.Errorf("%s", good.raw)
	}
	old := s.exchange(s.code("old"))
	if old.text("user_id") != "2088000000000001" || old.content["open_id"] != nil || old.content["expires_in"] != "1296000" {
		t.Errorf("%s", old.raw)
	}
	if again := s.exchange(second); again.text("open_id") != good.text("open_id") || again.text("access_token") == good.text("access_token") {
		t.Errorf("%s", again.raw)
	}
	s.now.add(3 * time.Minute)
	if a := s.exchange(late); a.text("open_id") == "" {
		t.Errorf("at three minutes: %s", a.raw)
	}
	s.now.add(time.Second)
	for name, code := range map[string]string{"used": first, "late": later, "invented": "0", "none": ""} {
		params := map[string]string{"grant_type": "authorization_code"}
		if code != "" {
			params["code"] = code
		}
		a := s.call("alipay.system.oauth.token", params)
		if a.root != "error_response" || a.text("code") != "40002" || a.text("sub_code") != "isv.code-invalid" || !a.signed {
			t.Errorf("%s: %s %s", name, a.root, a.raw)
		}
	}
	if a := s.call("alipay.system.oauth.token", map[string]string{"grant_type": "password", "code": s.code("ok")}); a.text("sub_code") != "isv.grant-type-invalid" {
		t.Errorf("%s", a.raw)
	}
}

func TestOneCodeManyCallers(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	form := s.request("alipay.system.oauth.token", map[string]string{"grant_type": "authorization_code", "code": s.code("ok")}, nil, nil)
	bodies := make([]string, 30)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() {
			resp, err := http.PostForm(s.url+"/gateway.do", form)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			bodies[i] = string(body)
		})
	}
	wg.Wait()
	granted := 0
	for _, body := range bodies {
		switch {
		case strings.Contains(body, "access_token"):
			granted++
		case !strings.Contains(body, "isv.code-invalid"):
			t.Errorf("%s", body)
		}
	}
	if granted != 1 || s.sim.Calls("alipay.system.oauth.token") != 30 || s.sim.Calls("") != 30 || s.sim.Calls("alipay.user.info.share") != 0 {
		t.Errorf("granted %d times in %d calls", granted, s.sim.Calls(""))
	}
}

func TestPersonCheck(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	s.sim.Add(alipaysim.Person{Person: "uncertified", Name: "赵六", IDType: "01", IDNumber: zhao})
	preconsult := func(name, certType, number string) answer {
		return s.call("alipay.user.certdoc.certverify.preconsult", map[string]string{
			"biz_content": `{"user_name":"` + name + `","cert_type":"` + certType + `","cert_no":"` + number + `"}`})
	}
	consult := func(token, id string) answer {
		return s.call("alipay.user.certdoc.certverify.consult", map[string]string{
			"auth_token": token, "biz_content": `{"verify_id":"` + id + `"}`})
	}
	token := s.exchange(s.code("ok")).text("access_token")
	poor := s.exchange(s.code("uncertified")).text("access_token")
	mine := preconsult("张三", "IDENTITY_CARD", zhang).text("verify_id")
	for _, c := range []struct{ name, token, id, code, subCode, passed string }{
		{"right", token, mine, "10000", "", "T"},
		{"again", token, mine, "10000", "", "T"},
		{"other name", token, preconsult("张叁", "IDENTITY_CARD", zhang).text("verify_id"), "10000", "", "F"},
		{"other number", token, preconsult("张三", "IDENTITY_CARD", li).text("verify_id"), "10000", "", "F"},
		{"other type", token, preconsult("张三", "PASSPORT", zhang).text("verify_id"), "10000", "", "F"},
		{"not certified", poor, preconsult("赵六", "IDENTITY_CARD", zhao).text("verify_id"), "10000", "", "F"},
		{"no such token", "x", mine, "20001", "aop.invalid-auth-token", ""},
		{"no such id", token, "x", "40004", "VERIFY_ID_EXPIRED", ""},
	} {
		a := consult(c.token, c.id)
		if a.text("code") != c.code || a.text("sub_code") != c.subCode || a.text("passed") != c.passed || !a.signed {
			t.Errorf("%s: %s", c.name, a.raw)
		}
	}
	for name, a := range map[string]answer{
		"no name": preconsult("", "IDENTITY_CARD", "1"), "no number": preconsult("张三", "IDENTITY_CARD", ""), "type": preconsult("张三", "01", "1"),
	} {
		if a.text("sub_code") != "isv.invalid-parameter" {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	if a := s.call("alipay.user.certdoc.certverify.preconsult", map[string]string{"biz_content": "{"}); a.text("sub_code") != "isv.illegal-json" {
		t.Errorf("%s", a.raw)
	}
	s.now.add(2*time.Hour + time.Second)
	if a := consult(token, mine); a.text("code") != "40004" {
		t.Errorf("after two hours: %s", a.raw)
	}
	s.now.add(15 * 24 * time.Hour)
	if a := consult(token, mine); a.text("sub_code") != "aop.auth-token-time-out" {
		t.Errorf("after fifteen days: %s", a.raw)
	}
}

// The SDK, a client with its own signatures, works with the simulator.
func TestSDKInterop(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	s.now.add(time.Since(start)) // the SDK always uses the system clock
	client := newSDKClient(t, s)
	ctx := t.Context()
	token, err := client.SystemOauthToken(ctx, alipay.SystemOauthToken{GrantType: "authorization_code", Code: s.code("ok")})
	if err != nil || token.OpenId == "" {
		t.Fatalf("%v", err)
	}
	info, err := client.UserInfoShare(ctx, alipay.UserInfoShare{AuthToken: token.AccessToken})
	if err != nil || info.IsCertified != "T" || info.UserType != "2" || info.CertNo != "" || info.Username != "" {
		t.Errorf("info.share: %+v, %v", info, err)
	}
	for person, want := range map[[2]string]string{
		{"张三", zhang}: "T",
		{"王五", wang}:  "F", // story face_fails
		{"张三", li}:    "F",
	} {
		begin := alipay.UserCertifyOpenInitialize{OuterOrderNo: "ORDER" + want + person[1], BizCode: "FACE"}
		begin.MerchantConfig.ReturnURL = "alipays://platformapi/startapp"
		begin.IdentityParam.IdentityType, begin.IdentityParam.CertType = "CERT_INFO", "IDENTITY_CARD"
		begin.IdentityParam.CertName, begin.IdentityParam.CertNo = person[0], person[1]
		begun, err := client.UserCertifyOpenInitialize(ctx, begin)
		if err != nil || begun.CertifyId == "" {
			t.Fatalf("initialize: %v", err)
		}
		result, err := client.UserCertifyOpenQuery(ctx, alipay.UserCertifyOpenQuery{CertifyId: begun.CertifyId})
		if err != nil || result.Passed != want {
			t.Errorf("%v: %+v, %v", person, result, err)
		}
	}
	message := alipay.NewPayload("alipay.open.app.mini.templatemessage.send").AddBizField("to_open_id", token.OpenId).
		AddBizField("user_template_id", "template").AddBizField("page", "pages/index/index").AddBizField("data", `{"keyword1":{"value":"x"}}`)
	var sent struct{ alipay.Error }
	if err := client.Request(ctx, message, &sent); err != nil || !sent.IsSuccess() {
		t.Errorf("message: %v", err)
	}
	recorded := s.sim.Messages()
	last := recorded[len(recorded)-1]
	if len(recorded) != 7 || last.Method != "alipay.open.app.mini.templatemessage.send" || !strings.Contains(string(last.Content), token.OpenId) {
		t.Errorf("%d messages, last %+v", len(recorded), last)
	}
	message.AddBizField("to_open_id", "nobody")
	if err := client.Request(ctx, message, &sent); err != nil || sent.IsSuccess() || len(s.sim.Messages()) != 7 {
		t.Errorf("message to nobody: %+v, %v", sent, err)
	}
}
