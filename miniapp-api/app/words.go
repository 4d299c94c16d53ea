package app

import (
	"slices"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
)

// Words are what this channel says in its own words.
var Words = httpapi.Words{Entries: slices.Concat(httpapi.SignInEntries, []httpapi.Presentation{
	{Code: "SESSION_REQUIRED", Next: "Sign in with POST /v1/sessions, then send Authorization: DPoP with the token.",
		NextZH: "用 POST /v1/sessions 登录，之后在 Authorization 里发送 DPoP 和令牌。"},
	{Code: "SESSION_EXPIRED", Next: "Sign in again. The device stays known, so no code is needed.",
		NextZH: "重新登录；设备已登记，不再需要验证码。"},
	{Code: selfservice.ErrSignInCode.Code,
		Message: "首次在这台设备上登录，或使用初始密码、已冻结或需要修改的密码，须用短信验证码核实本人，目前无法向您的预留手机发送。请本人携带身份证件到柜台办理"},
	{Code: ErrProofInvalid.Code, Status: 401, Title: "The header DPoP has no valid proof for this request",
		TitleZH: "DPoP 头没有适用于这个请求的证明", NextZH: "每个请求重新生成证明：RFC 9449、ES256，方法和地址与请求一致，nonce 取自上一个回复，带令牌时要有 ath。手机时钟不准的，以回复的 Date 头为准。",
		Message: "请求校验未通过，请校准手机时间后重试", Next: "Make a new proof for each request: RFC 9449, ES256, with this method and URL, the nonce of the last reply, and ath if a token is sent. If the clock of the phone is wrong, take the time from the header Date."},
	{Code: ErrProofNonce.Code, Status: 401, Title: "The proof has no nonce, or an old one",
		TitleZH: "证明没有 nonce，或 nonce 已过期", NextZH: "用 DPoP-Nonce 头里的值生成新的证明，立即重发。会话没有失效。",
		Message: "请求已过期，请重试", Next: "Repeat the request at once with a new proof that has the nonce of the header DPoP-Nonce. The session is not gone."},
	{Code: selfservice.ErrDeviceGone.Code, Status: 404, Title: "The person has no such device, or has ended it",
		TitleZH: "本人没有这台设备，或已经移除", NextZH: "重新调用 GET /v1/devices。",
		Message: "没有找到该设备，可能已移除，请刷新后查看", Next: "Call GET /v1/devices again."},
})}
