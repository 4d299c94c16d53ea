package httpapi

import (
	"cmp"
	"net/http"

	"fundpass/miniapp-api/selfservice"
)

// A Presentation is how an error code is shown on a channel. Only the Catalogue maps codes to
// statuses and messages.
type Presentation struct {
	Code       string
	Status     int    // HTTP status, repeated in the body
	RetryAfter int    // seconds, unless the error sets its own
	Message    string // Chinese, ready to show

	// For front-end engineers, in English and in Chinese: when the code occurs, and what the page
	// should do.
	Title, TitleZH string
	Next, NextZH   string

	compose func(e *selfservice.Error, message string) string // returns the message of one occurrence; nil for always Message
}

// common is the table of the errors of every channel, in the order of the API description. Its
// texts are true on every channel: they name a user by the words of Words, and no provider.
//
// To a front end 401 means that the session is gone, so a wrong password is 403. The state of
// the citizen's data refuses with 409, a procedure that has ended with 410, the content of a
// well-formed form with 422, and a lock or freeze with 423. LINK_REFUSED has one text for all
// reasons, because any detail tells a stranger something about the person.
var common = []Presentation{
	{Code: "SESSION_REQUIRED", Status: 401, Title: "No session token",
		TitleZH: "请求没有带登录令牌", NextZH: "先登录。",
		Message: "请先登录", Next: "Sign in."},
	{Code: "SESSION_EXPIRED", Status: 401, Title: "Session unknown, ended or expired",
		TitleZH: "登录不存在、已退出或已过期", NextZH: "重新登录，再把请求重发一次。",
		Message: "登录已失效，请重新登录", Next: "Sign in again and repeat the call once."},
	{Code: "AUTH_CODE_INVALID", Status: 401, Title: "Auth code wrong, used or expired",
		TitleZH: "授权码错误、已用过或已过期", NextZH: "重新获取授权码；一个授权码只能用一次。",
		Message: "授权已失效，请重新登录", Next: "Request another code; a code is valid once."},
	{Code: "BAD_REQUEST", Status: 400, Title: "Malformed request",
		TitleZH: "请求格式不正确", NextZH: "把 errors 里的文字显示在各字段旁边；没有 errors 说明页面程序有误。",
		Message: "提交的信息格式不正确，请核对后重试", Next: "Show errors beside their fields. A reply without errors indicates a bug in the page."},
	{Code: "NOT_FOUND", Status: 404, Title: "No such path",
		TitleZH: "没有这个路径", NextZH: "改正路径，见 openapi.yaml。",
		Message: "请求的地址不存在", Next: "Correct the path; see openapi.yaml."},
	{Code: "CENTER_UNKNOWN", Status: 404, Title: "No fund centre at this address, on a server of several centres",
		TitleZH: "一台服务多个中心时，这个地址没有对应的中心", NextZH: "改正接口的地址：中心的域名，或地址里中心的路径。",
		Message: "没有找到对应的公积金中心，请退出后重新进入", Next: "Correct the address of the API: the centre's host, or the centre's path in it."},
	{Code: "METHOD_NOT_ALLOWED", Status: 405, Title: "Wrong HTTP method",
		TitleZH: "HTTP 方法不对", NextZH: "改正方法，见 openapi.yaml。",
		Message: "请求方式不正确", Next: "Correct the method; see openapi.yaml."},
	{Code: "PAYLOAD_TOO_LARGE", Status: 413, Title: "Body larger than 16 KiB",
		TitleZH: "请求体超过 16 KiB", NextZH: "减少内容。",
		Message: "提交的内容过长", Next: "Send a smaller body."},
	{Code: "UNSUPPORTED_MEDIA_TYPE", Status: 415, Title: "Body is not uncompressed application/json",
		TitleZH: "请求体不是未压缩的 application/json", NextZH: "设置 Content-Type: application/json，不要压缩。",
		Message: "请求格式不支持", Next: "Send Content-Type: application/json, uncompressed."},
	{Code: "NOT_LINKED", Status: 409, Title: "No fund account linked",
		TitleZH: "还没有绑定公积金账户", NextZH: "打开绑定页。",
		Message: "您还没有绑定公积金账户，请先绑定", Next: "Open the link page."},
	{Code: "ALREADY_LINKED", Status: 409, Title: "This user or this account is already linked",
		TitleZH: "该用户或该账户已经绑定", NextZH: "显示现有的绑定。带 transfer_offered 时询问市民是否申请改绑，然后加上 transfer: true、换一个 Idempotency-Key，重发原来的请求。",
		Message: "该{user}或公积金账户已绑定，如需更换请先解绑或到柜台办理", Next: "Show the current link. With transfer_offered: ask the citizen whether to request the link, then send the same request with transfer true and a new Idempotency-Key.", compose: transferMessage},
	{Code: "LINK_REFUSED", Status: 403, Title: "The link was refused",
		TitleZH: "绑定被拒绝", NextZH: "请市民改正表单；无论什么原因，应答都一样。带 face_first_offered 时提供“先刷脸，再核对密码”：他人输错次数过多而锁定时有用；表单里用 face_first 代替密码。",
		Message: "信息核对未通过，请检查姓名、证件号码和密码，有多个账户的请填写个人账号，或稍后再试；一直不通过的请到柜台办理", Next: "Let the citizen correct the form. The answer is the same for every reason. With face_first_offered: offer to verify the face first, which helps if other people's failed attempts have locked the password. Send the form with face_first instead of the password."},
	{Code: "ACCOUNT_CLOSED", Status: 409, Title: "The account was merged, moved or closed",
		TitleZH: "账户已合并、转出或销户", NextZH: "显示 message；须到柜台办理。",
		Message: "该公积金账户已转出或销户，无法办理", Next: "Show the message; the citizen has to visit the counter."},
	{Code: "ACCOUNT_FROZEN", Status: 423, Title: "The centre has frozen the account",
		TitleZH: "中心冻结了账户", NextZH: "显示 message；不能在线修改密码。",
		Message: "该公积金账户已冻结，暂不能修改密码，请到柜台办理", Next: "Show the message; the password cannot be changed online."},
	{Code: "PASSWORD_FROZEN", Status: 423, Title: "The password is frozen",
		TitleZH: "密码已冻结", NextZH: "提供重置密码的入口。",
		Message: "密码已冻结，请通过身份验证重置密码或到柜台办理", Next: "Offer the reset."},
	{Code: "TRANSFER_WAITING", Status: 409, Title: "The holder of the link is notified and can reject the transfer until transfer.due_at",
		TitleZH: "已通知原绑定者，到 transfer.due_at 之前可以拒绝", NextZH: "显示 message。过 retry_after 秒之后，在任何一次登录里换一个 Idempotency-Key，调用 POST /v1/link-transfers/{id}/confirm。",
		Message: "改绑申请已提交，请等待", Next: "Show the message. After retry_after seconds, in any session: POST /v1/link-transfers/{id}/confirm with a new Idempotency-Key.", compose: waitingMessage},
	{Code: "TRANSFER_REJECTED", Status: 403, Title: "The holder of the link has rejected the transfer",
		TitleZH: "原绑定者拒绝了改绑", NextZH: "显示 message；凭柜台的重置码可以立即改绑。",
		Message: "原绑定的{user}已拒绝改绑，请本人携带身份证件到柜台办理", Next: "Show the message; a reset code transfers the link at once."},
	{Code: "TRANSFER_UNDELIVERABLE", Status: 409, Title: "The holder of the link cannot be notified, so it is not transferred",
		TitleZH: "通知不到原绑定者，所以不改绑", NextZH: "显示 message；凭柜台的重置码可以立即改绑。",
		Message: "无法通知原绑定的{user}，不能在线改绑，请本人携带身份证件到柜台办理", Next: "Show the message; a reset code transfers the link at once."},
	{Code: "TRANSFER_LIMIT", Status: 429, Title: "Daily limit of link transfer requests reached",
		TitleZH: "当天申请改绑的次数已用完", NextZH: "等 retry_after 秒，即到北京时间零点。",
		Message: "今天申请改绑的次数已用完，请明天再试或到柜台办理", Next: "Wait retry_after seconds, until midnight in Beijing."},
	{Code: "TRANSFER_GONE", Status: 410, Title: "The transfer is done, cancelled, expired or unknown, or the link or password has changed",
		TitleZH: "改绑申请已办完、撤回、过期或不存在，或者绑定、密码已变更", NextZH: "调用 GET /v1/link 查看是否已办成；没有办成则打开绑定页。",
		Message: "本次改绑申请已失效，请重新绑定", Next: "Call GET /v1/link to see whether it is done; otherwise open the link page."},
	{Code: "NO_SUCH_ACCOUNT", Status: 404, Title: "The linked person has no account with this id",
		TitleZH: "本人名下没有这个编号的账户", NextZH: "重新调用 GET /v1/accounts。",
		Message: "没有找到该账户，请刷新后重新选择", Next: "Call GET /v1/accounts again."},
	{Code: "LINK_PROOF_REQUIRED", Status: 409, Title: "The link needs a further proof, one of those in errors",
		TitleZH: "绑定还需要 errors 所列方式之一的证明", NextZH: "带 pending：打开其中的 certify_url，或请市民输入发到其中 phone 的验证码，然后调用 POST /v1/link/{id}/confirm；若是 face_first，则改为提交带密码和 face_id 的表单。不带 pending：先核验手机号，再提交表单。要用 errors 里的另一种方式：提交表单时把它的 field 填入 proof。每次提交都换一个 Idempotency-Key。",
		Message: "绑定前还需核验是否为您本人", Next: "With pending: open its certify_url, or ask for the code that was sent to its phone, then POST /v1/link/{id}/confirm; after face_first, send the form with the password and face_id instead. Without pending: verify the phone number, then send the form again. For another proof of errors: send the form again with its field as proof. Use a new Idempotency-Key each time the form is sent."},
	{Code: "LINK_PROOF_LIMIT", Status: 429, Title: "Daily limit of face verifications reached",
		TitleZH: "当天刷脸的次数已用完", NextZH: "等 retry_after 秒，即到北京时间零点。",
		Message: "今天身份验证的次数已用完，请明天再试或到柜台办理", Next: "Wait retry_after seconds, until midnight in Beijing."},
	{Code: "LINK_GONE", Status: 410, Title: "Pending link used, replaced, expired, unknown or of another session",
		TitleZH: "这次绑定已完成、被替换、过期、不存在，或属于另一次登录", NextZH: "调用 GET /v1/link 查看是否已办成；没有办成则从头开始。",
		Message: "本次绑定已失效，请重新开始", Next: "Call GET /v1/link to see whether it is done; otherwise start again."},
	{Code: "CONSENT_REQUIRED", Status: 403, Title: "The citizen has not consented to the purpose in errors, or has withdrawn the consent",
		TitleZH: "市民没有同意 errors 所列的用途，或已撤回同意", NextZH: "显示 GET /v1/consents 里与第一条 errors 的 field 对应的文字；市民同意后调用 POST /v1/consents，再换一个 Idempotency-Key 重发。",
		Message: "请先阅读并同意相关说明", Next: "Show the text of GET /v1/consents for the field of the first error; POST /v1/consents when the citizen consents; repeat with a new Idempotency-Key."},
	{Code: "CONSENT_OUTDATED", Status: 409, Title: "The text has changed since it was shown",
		TitleZH: "显示之后文字又更新了", NextZH: "重新调用 GET /v1/consents，显示新的文字。",
		Message: "说明内容已更新，请重新阅读", Next: "Call GET /v1/consents again and show the new text."},
	{Code: "CONSENT_IN_USE", Status: 409, Title: "The consent to the link cannot be withdrawn while the link exists",
		TitleZH: "绑定期间不能撤回对绑定的同意", NextZH: "提供 POST /v1/link/remove（解绑），它需要密码。",
		Message: "撤回此项同意需先解除绑定", Next: "Offer POST /v1/link/remove, which requires the password."},
	{Code: "PHONE_REFUSED", Status: 403, Title: "The phone payload was refused",
		TitleZH: "手机号核验未通过", NextZH: "重新核验手机号；无论什么原因，应答都一样。",
		Message: "手机号核验未通过，请重新核验手机号", Next: "Verify the number again. The answer is the same for every reason."},
	{Code: "SMS_CODE_WRONG", Status: 403, Title: "The SMS code is wrong",
		TitleZH: "短信验证码错误", NextZH: "请市民改正，显示 remaining_attempts；为 0 时重新获取。",
		Message: "验证码不正确", Next: "Let the citizen correct the code and show remaining_attempts; at 0 request another code.", compose: codeWrongMessage},
	{Code: "SMS_CODE_GONE", Status: 410, Title: "The SMS code is used, replaced, expired, out of tries, of another purpose or session, or the phone on file has changed",
		TitleZH: "短信验证码已用过、被替换、过期、次数用完，属于别的用途或另一次登录，或预留手机号已变更", NextZH: "提供重新获取的入口。",
		Message: "验证码已失效，请重新获取", Next: "Offer to request another code."},
	{Code: "SMS_CODE_LIMIT", Status: 429, Title: "Another SMS code was requested less than a minute ago, or the daily limit is reached",
		TitleZH: "一分钟内刚获取过短信验证码，或当天的次数已用完", NextZH: "等 retry_after 秒：不超过一分钟，或到北京时间零点。",
		Message: "今天获取短信验证码的次数已用完，请明天再试或使用其他方式", Next: "Wait retry_after seconds: up to a minute, or until midnight in Beijing.", compose: codeLimitMessage},
	{Code: "NO_PHONE_ON_FILE", Status: 409, Title: "No mobile phone is on file at the centre, or another person has the same",
		TitleZH: "中心没有预留手机号，或该号码也是他人的预留号码", NextZH: "提供其他方式。",
		Message: "您在公积金中心没有预留手机号，或预留的手机号与他人相同，不能用短信验证。请使用其他方式，或到柜台更新手机号", Next: "Offer the other ways."},
	{Code: "OLD_PASSWORD_WRONG", Status: 403, Title: "ID number or old password wrong",
		TitleZH: "证件号码或原密码错误", NextZH: "清空原密码，显示 remaining_attempts。",
		Message: "证件号码或原密码错误", Next: "Clear the old password and show remaining_attempts.", compose: remainingMessage},
	{Code: "PASSWORD_LOCKED", Status: 423, Title: "Too many wrong passwords",
		TitleZH: "密码输错次数过多", NextZH: "显示 locked_until，提供重置密码的入口。",
		Message: "密码错误次数过多，已暂时锁定，请稍后再试或到柜台办理", Next: "Show locked_until; offer the reset.", compose: lockedMessage},
	{Code: "CHANGE_IN_PROGRESS", Status: 409, Title: "A change is open on another channel",
		TitleZH: "另一个渠道正在修改密码", NextZH: "等待，或在那个渠道办完。",
		Message: "您有一笔修改正在办理，请稍后再试", Next: "Wait, or finish the change on that channel."},
	{Code: "CHANGE_GONE", Status: 410, Title: "Change closed, expired or unknown",
		TitleZH: "这次修改已结束、过期或不存在", NextZH: "调用 GET /v1/password/changes/{id} 查看是否已办成；没有办成则从头开始。",
		Message: "本次修改已失效，请重新开始", Next: "Call GET /v1/password/changes/{id} to see whether it is done; otherwise start again."},
	{Code: "RESET_GONE", Status: 410, Title: "Reset closed, expired, unknown or of another session",
		TitleZH: "这次重置已结束、过期、不存在，或属于另一次登录", NextZH: "调用 GET /v1/password/resets/{id} 查看是否已办成；没有办成则从头开始。",
		Message: "本次重置已失效，请重新开始", Next: "Call GET /v1/password/resets/{id} to see whether it is done; otherwise start again."},
	{Code: "RESET_UNAVAILABLE", Status: 409, Title: "No online reset at this centre or for this document",
		TitleZH: "本中心或该类证件不能在线重置", NextZH: "显示 message，提供输入重置码的入口。带 sms_offered 时提供短信验证码（proof 为 sms）。",
		Message: "暂不支持线上重置密码，请本人携带身份证件到柜台办理", Next: "Show the message; offer to enter a reset code. With sms_offered: offer a code by SMS, with proof sms.", compose: resetMessage("暂不支持刷脸重置密码")},
	{Code: "RESET_LIMIT", Status: 429, Title: "Daily limit of resets reached",
		TitleZH: "当天重置的次数已用完", NextZH: "等 retry_after 秒，即到北京时间零点；或使用重置码。带 sms_offered 时提供短信验证码（proof 为 sms）。",
		Message: "今天重置密码的次数已用完，请明天再试或到柜台办理", Next: "Wait retry_after seconds, until midnight in Beijing, or use a reset code. With sms_offered: offer a code by SMS, with proof sms.", compose: resetMessage("今天刷脸的次数已用完")},
	{Code: "RESET_CODE_WRONG", Status: 403, Title: "Reset code wrong, used, expired or out of tries",
		TitleZH: "重置码错误、已用过、已过期，或试用次数已满", NextZH: "请市民改正；每个用户可试五次。",
		Message: "重置码不正确或已失效，请核对，或请柜台重新发放", Next: "Let the citizen correct the code. Each user has five tries."},
	{Code: "IDENTITY_NOT_PROVEN", Status: 403, Title: "The provider has not confirmed the citizen's identity",
		TitleZH: "身份验证方尚未确认是本人", NextZH: "打开重置或待完成绑定的 certify_url，或提交短信验证码，然后再次确认。",
		Message: "身份验证未完成或未通过，请先完成验证", Next: "Open the certify_url of the reset or the pending link, or send the code of the SMS, then confirm again."},
	{Code: "PASSWORD_MISMATCH", Status: 422, Title: "The two new passwords differ",
		TitleZH: "两次输入的新密码不一致", NextZH: "清空第二个输入框。",
		Message: "两次输入的新密码不一致", Next: "Clear the second field."},
	{Code: "PASSWORD_WEAK", Status: 422, Title: "The new password violates rules",
		TitleZH: "新密码不符合规则", NextZH: "逐条显示 errors。",
		Message: "新密码不符合规则，请按提示修改", Next: "Show every entry of errors."},
	{Code: "PASSWORD_SAME", Status: 422, Title: "The new password is the old one",
		TitleZH: "新密码就是原密码", NextZH: "请市民另设一个密码。",
		Message: "新密码不能与原密码相同", Next: "Ask for another password."},
	{Code: "PASSWORD_REUSED", Status: 422, Title: "The new password was used before",
		TitleZH: "新密码以前用过", NextZH: "请市民另设一个密码。",
		Message: "不能使用最近用过的密码", Next: "Ask for another password."},
	{Code: "DECRYPT_FAILED", Status: 422, Title: "The passwords cannot be decrypted: ticket spent, expired or of another session, or another key or format",
		TitleZH: "密码无法解密：凭据（ticket）已用、过期或属于另一次登录，或者公钥、格式不对", NextZH: "重新领取凭据，再加密一次，换一个 Idempotency-Key 重发一次。",
		Message: "页面停留时间过长，请再次提交", Next: "Request a new ticket, encrypt again and repeat once with a new Idempotency-Key."},
	{Code: "NOT_OFFERED", Status: 404, Title: "This centre does not offer the function",
		TitleZH: "本中心没有开通此功能", NextZH: "隐藏入口。若是 POST /v1/password/tickets，则不加密，由 TLS 保护密码。",
		Message: "暂未开通此功能，请使用其他方式办理", Next: "Hide the entry. If POST /v1/password/tickets returns this, send plain passwords over TLS."},
	{Code: "IDEMPOTENCY_KEY_REUSED", Status: 422, Title: "The Idempotency-Key was used with another body",
		TitleZH: "同一个 Idempotency-Key 用于不同的内容", NextZH: "每张表单用新的幂等键。",
		Message: "请求重复，请重新提交", Next: "Use a new key for each form."},
	{Code: "CHANNEL_CLOSED", Status: 503, RetryAfter: 600, Title: "The channel is switched off or outside its service hours; nothing was done",
		TitleZH: "渠道已关闭或不在服务时间内，什么都没有办理", NextZH: "显示 message，其中有其他可用的渠道。到 opens_at 之后重发；没有 opens_at 时过 retry_after 秒重发。why 不是 manual 时仍可登录、冻结、拒绝改绑，请保留冻结入口。",
		Message: "暂停服务，请稍后再试，或到柜台办理", Next: "Show the message, which names the other channels. After opens_at, or else after retry_after seconds, repeat. Offer the freeze unless why is manual: signing in, freezing and rejecting a transfer still work.", compose: closedMessage},
	{Code: "TOO_MANY_REQUESTS", Status: 429, RetryAfter: 1, Title: "Too many requests",
		TitleZH: "请求过多", NextZH: "等 retry_after 秒。",
		Message: "操作太频繁，请稍后再试", Next: "Wait retry_after seconds."},
	{Code: "BUSY", Status: 503, RetryAfter: 2, Title: "Overloaded or database unavailable; nothing was done",
		TitleZH: "系统过载或数据库不可用，什么都没有办理", NextZH: "过 retry_after 秒再重发；提前重发的会被延迟应答。",
		Message: "系统繁忙，本次未办理，请稍后再试", Next: "Repeat after retry_after seconds; an earlier request is delayed."},
	{Code: "RESULT_UNKNOWN", Status: 503, RetryAfter: 2, Title: "The outcome is unknown",
		TitleZH: "不知道是否已办成", NextZH: "查询修改的状态，或用同一个 Idempotency-Key 重发。",
		Message: "暂未收到办理结果，正在为您查询，请勿重复提交", Next: "Query the state of the change, or repeat with the same Idempotency-Key."},
	{Code: "INTERNAL", Status: 500, Title: "Internal error",
		TitleZH: "内部错误", NextZH: "显示 request_id，运维人员凭它查到日志。",
		Message: "服务异常，请稍后再试", Next: "Show request_id, by which the operator finds the log entry."},
}

// message returns the message for one occurrence.
func (p Presentation) message(e *selfservice.Error) string {
	if p.compose == nil {
		return p.Message
	}
	return p.compose(e, p.Message)
}

// problem returns the reply for one occurrence.
func (p Presentation) problem(e *selfservice.Error, requestID string) problem {
	body := problem{
		Type: problemType + e.Code, Title: p.Title, Status: p.Status, Code: e.Code, Message: p.message(e),
		Errors: viewsOfFields(e.Fields), Remaining: e.Remaining, LockedUntil: e.LockedUntil,
		Offered: e.TransferOffered, FaceFirst: e.FaceFirst, SMS: e.SMSOffered, Transfer: viewOfTransfer(e.Transfer),
		RetryAfter: cmp.Or(e.RetryAfter, p.RetryAfter), RequestID: requestID,
	}
	if e.Closed != nil {
		body.setClosed(*e.Closed)
	}
	if e.Pending != nil {
		body.Pending = &pendingView{e.Pending.ID, e.Pending.CertifyID, e.Pending.CertifyURL, e.Pending.Phone, e.Pending.ExpiresAt}
	}
	return body
}

// statusOf returns the HTTP status of an error, or 200 for one without a presentation, which is
// only logged because its reply has been written.
func (s *Server) statusOf(e *selfservice.Error) int {
	return cmp.Or(s.presentations[e.Code].Status, http.StatusOK)
}

// problemOf returns the reply for an error. A test ensures that every code has a presentation.
func (s *Server) problemOf(e *selfservice.Error, requestID string) problem {
	return s.presentations[e.Code].problem(e, requestID)
}

// fromStatus returns the error for a status that net/http or Echo set before a handler ran. A
// status without a code becomes BAD_REQUEST or INTERNAL, so that no reply lacks the envelope.
func fromStatus(status int) *selfservice.Error {
	switch status {
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusMethodNotAllowed:
		return ErrMethodNotAllowed
	case http.StatusRequestEntityTooLarge:
		return ErrTooLarge
	case http.StatusUnsupportedMediaType:
		return ErrMediaType
	case http.StatusTooManyRequests:
		return selfservice.ErrTooManyRequests
	case http.StatusServiceUnavailable:
		return selfservice.ErrBusy
	}
	if status >= 400 && status < 500 {
		return selfservice.ErrBadRequest
	}
	return selfservice.ErrInternal
}
