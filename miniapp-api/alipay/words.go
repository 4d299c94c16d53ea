package alipay

import (
	_ "embed"
	"sync"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// Words are what this channel says in its own words. Citizens say 支付宝 for their account there;
// after 其他 it would mean another product. The Next of an entry names the functions of Alipay's
// JavaScript API, which only a mini-program can call.
var Words = httpapi.Words{
	User: "支付宝", Account: "支付宝账号",
	Entries: []httpapi.Presentation{
		{Code: "SESSION_REQUIRED", Next: "Call my.getAuthCode, then POST /v1/sessions."},
		{Code: "SESSION_EXPIRED", Message: "登录已失效，请重新进入", Next: "Log in again silently and repeat the call once."},
		{Code: "AUTH_CODE_INVALID", Message: "授权已失效，请重新进入", Next: "Call my.getAuthCode again; a code is valid once."},
		{Code: "ALREADY_LINKED", Title: "This Alipay user or this account is already linked"},
		{Code: "LINK_PROOF_REQUIRED", Next: "With pending: call my.startAPVerify with its certify_id and certify_url, or ask for the code that was sent to its phone, then POST /v1/link/{id}/confirm; after face_first, send the form with the password and face_id instead. Without pending: POST /v1/phone, then send the form again. For another proof of errors: send the form again with its field as proof. Use a new Idempotency-Key each time the form is sent."},
		{Code: "PHONE_REFUSED", Message: "手机号核验未通过，请重新点击获取手机号", Next: "Call my.getPhoneNumber again. The answer is the same for every reason."},
		{Code: "IDENTITY_NOT_PROVEN", Title: "Alipay has not confirmed the citizen's identity",
			Next: "Call my.startAPVerify with the certify_id and certify_url of the reset or the pending link, or send the code of the SMS, then confirm again."},
		{Code: ErrUnavailable.Code, Status: 502, RetryAfter: 3, Title: "Alipay returned no valid answer",
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
