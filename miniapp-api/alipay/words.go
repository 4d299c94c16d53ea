package alipay

import (
	_ "embed"
	"sync"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// Words are what this channel says in its own words. Citizens say 支付宝 for their account there;
// after 其他 it would mean another product. Next and NextZH of an entry name the functions of Alipay's
// JavaScript API, which only a mini-program can call.
var Words = httpapi.Words{
	User: "支付宝", Account: "支付宝账号",
	Entries: []httpapi.Presentation{
		{Code: "SESSION_REQUIRED", Next: "Call my.getAuthCode, then POST /v1/sessions.",
			NextZH: "先调用 my.getAuthCode，再调用 POST /v1/sessions。"},
		{Code: "SESSION_EXPIRED", Message: "登录已失效，请重新进入", Next: "Log in again silently and repeat the call once.",
			NextZH: "在后台重新登录，再把请求重发一次。"},
		{Code: "AUTH_CODE_INVALID", Message: "授权已失效，请重新进入", Next: "Call my.getAuthCode again; a code is valid once.",
			NextZH: "重新调用 my.getAuthCode；一个授权码只能用一次。"},
		{Code: "ALREADY_LINKED", Title: "This Alipay user or this account is already linked",
			TitleZH: "该支付宝用户或该账户已经绑定"},
		{Code: "LINK_PROOF_REQUIRED", Next: "With pending: call my.startAPVerify with its certify_id and certify_url, or ask for the code that was sent to its phone, then POST /v1/link/{id}/confirm; after face_first, send the form with the password and face_id instead. Without pending: POST /v1/phone, then send the form again. For another proof of errors: send the form again with its field as proof. Use a new Idempotency-Key each time the form is sent.",
			NextZH: "带 pending：用其中的 certify_id 和 certify_url 调用 my.startAPVerify，或请市民输入发到其中 phone 的验证码，然后调用 POST /v1/link/{id}/confirm；若是 face_first，则改为提交带密码和 face_id 的表单。不带 pending：先调用 POST /v1/phone，再提交表单。要用 errors 里的另一种方式：提交表单时把它的 field 填入 proof。每次提交都换一个 Idempotency-Key。"},
		{Code: "PHONE_REFUSED", Message: "手机号核验未通过，请重新点击获取手机号", Next: "Call my.getPhoneNumber again. The answer is the same for every reason.",
			NextZH: "重新调用 my.getPhoneNumber；无论什么原因，应答都一样。"},
		{Code: "IDENTITY_NOT_PROVEN", Title: "Alipay has not confirmed the citizen's identity",
			TitleZH: "支付宝尚未确认是本人", NextZH: "用重置或待完成绑定的 certify_id 和 certify_url 调用 my.startAPVerify，或提交短信验证码，然后再次确认。",
			Next: "Call my.startAPVerify with the certify_id and certify_url of the reset or the pending link, or send the code of the SMS, then confirm again."},
		{Code: ErrUnavailable.Code, Status: 502, RetryAfter: 3, Title: "Alipay returned no valid answer",
			TitleZH: "支付宝没有给出有效的应答", NextZH: "重新获取授权码，再试一次。",
			Message: "支付宝服务暂时不可用，请稍后再试", Next: "Get a new auth code and try again."},
	},
}

//go:embed consents.json
var builtinConsents []byte

// DefaultConsents returns the consent texts of a centre without its own. They name Alipay as
// the recipient of the data, as PIPL article 23 requires. A centre whose lawyers want other
// texts replaces them all by a file.
var DefaultConsents = sync.OnceValue(func() []selfservice.ConsentText {
	texts, err := selfservice.ParseConsents(builtinConsents)
	if err != nil {
		panic(err) // the embedded file is invalid
	}
	return texts
})
