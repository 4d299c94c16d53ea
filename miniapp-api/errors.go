package miniapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/passwd"
	"fundpass/signing"
	"fundpass/store"
)

// An Error is what a caller is told instead of data. The table below is the
// only place where an error becomes a status, a code and a Chinese sentence.
type Error struct {
	Status  int    // HTTP status, repeated in the body
	Code    string // stable, upper snake case: front ends switch on it
	Title   string // English, for developers
	Message string // Chinese, ready to show
	Next    string // what the page should do

	// What one occurrence adds.
	Fields      []FieldError
	Remaining   *int       // guesses left
	RetryAfter  int        // seconds
	LockedUntil *time.Time // only told to the owner
	cause       error      // for the log: never shown, never holds a value

	Pending       *PendingLink // what LINK_PROOF_REQUIRED has started
	RelinkOffered bool         // with ALREADY_LINKED: the other link can be taken over
	FaceFirst     bool         // with LINK_REFUSED: the face can be shown before the password is looked at
	Relink        *relinkView  // what RELINK_WAITING waits for
}

// A FieldError says what is wrong with one field, without its value.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Code }

// Unwrap makes the cause visible to errors.Is.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether two occurrences are of the same entry of the table.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The table. Order: who you are, what you asked, what we allow, what is broken.
var (
	ErrSessionRequired = &Error{Status: 401, Code: "SESSION_REQUIRED", Title: "No session token",
		Message: "请先登录", Next: "Call my.getAuthCode, then POST /v1/sessions."}
	ErrSessionExpired = &Error{Status: 401, Code: "SESSION_EXPIRED", Title: "Session unknown, ended or expired",
		Message: "登录已失效，请重新进入", Next: "Log in again silently and repeat the call once."}
	ErrAuthCodeInvalid = &Error{Status: 401, Code: "AUTH_CODE_INVALID", Title: "Auth code wrong, used or expired",
		Message: "授权已失效，请重新进入", Next: "Call my.getAuthCode again: a code is good once."}

	ErrBadRequest = &Error{Status: 400, Code: "BAD_REQUEST", Title: "Malformed request",
		Message: "提交的信息格式不正确，请核对后重试", Next: "Show errors beside their fields; without errors it is a bug of the page."}
	ErrNotFound = &Error{Status: 404, Code: "NOT_FOUND", Title: "No such path",
		Message: "请求的地址不存在", Next: "Correct the path, see openapi.yaml."}
	ErrMethodNotAllowed = &Error{Status: 405, Code: "METHOD_NOT_ALLOWED", Title: "Wrong HTTP method",
		Message: "请求方式不正确", Next: "Correct the method, see openapi.yaml."}
	ErrTooLarge = &Error{Status: 413, Code: "PAYLOAD_TOO_LARGE", Title: "Body over 16 KiB",
		Message: "提交的内容过长", Next: "Send less."}
	ErrMediaType = &Error{Status: 415, Code: "UNSUPPORTED_MEDIA_TYPE", Title: "Body is not plain application/json",
		Message: "请求格式不支持", Next: "Send Content-Type: application/json, uncompressed."}

	ErrNotLinked = &Error{Status: 409, Code: "NOT_LINKED", Title: "No fund account linked",
		Message: "您还没有绑定公积金账户，请先绑定", Next: "Go to the link page."}
	ErrAlreadyLinked = &Error{Status: 409, Code: "ALREADY_LINKED", Title: "This Alipay user or this account is linked already",
		Message: "该支付宝或公积金账户已绑定，如需更换请先解绑或到柜台办理", Next: "Show the present link. With relink_offered: ask the citizen whether to take the link over; the link again with relink true, under a new Idempotency-Key, does."}
	ErrRelinkWaiting = &Error{Status: 409, Code: "RELINK_WAITING", Title: "The holder of the link is told, and may object until relink.due_at",
		Message: "改绑申请已提交，请等待", Next: "Show the message. After retry_after seconds, in any session: POST /v1/relinks/{id}/confirm under a new Idempotency-Key."}
	ErrRelinkRefused = &Error{Status: 403, Code: "RELINK_REFUSED", Title: "The holder of the link has objected",
		Message: "原绑定的支付宝已拒绝改绑，请本人携带身份证件到柜台办理", Next: "Show the message; a clerk's code takes the link over at once."}
	ErrTransferUndeliverable = &Error{Status: 409, Code: "TRANSFER_UNDELIVERABLE", Title: "The holder of the link cannot be told, so it is not taken over",
		Message: "无法通知原绑定的支付宝，不能在线改绑，请本人携带身份证件到柜台办理", Next: "Show the message; a clerk's code takes the link over at once."}
	ErrRelinkLimit = &Error{Status: 429, Code: "RELINK_LIMIT", Title: "As many relinks asked for today as a day allows",
		Message: "今天申请改绑的次数已用完，请明天再试或到柜台办理", Next: "Wait retry_after seconds, until midnight in Beijing."}
	ErrRelinkGone = &Error{Status: 410, Code: "RELINK_GONE", Title: "Relink done, cancelled, expired or unknown, or link or password are not what they were",
		Message: "本次改绑申请已失效，请重新绑定", Next: "Ask GET /v1/link whether it is done, else go to the link page."}
	ErrLinkRefused = &Error{Status: 403, Code: "LINK_REFUSED", Title: "The link was refused",
		Message: "信息核对未通过，请检查姓名、证件号码和密码，有多个账户的请填写个人账号，或稍后再试；一直不通过的请到柜台办理", Next: "Let the citizen correct the form. One answer for every reason. With face_first_offered: offer to show the face first, which helps when others have guessed too often: the link with face_first in place of the password."}
	ErrLinkProofRequired = &Error{Status: 409, Code: "LINK_PROOF_REQUIRED", Title: "The link needs a further proof: the first of errors, or another of them",
		Message: "绑定前还需核验是否为您本人", Next: "With pending: call my.startAPVerify with its certify_id and certify_url, then POST /v1/link/{id}/confirm; after face_first, the link with the password and face_id instead. Without: POST /v1/phone, then the link again. Another one of errors: the link again with its field as proof. Again means under a new Idempotency-Key."}
	ErrLinkProofLimit = &Error{Status: 429, Code: "LINK_PROOF_LIMIT", Title: "As many face verifications started today as a day allows",
		Message: "今天身份验证的次数已用完，请明天再试或到柜台办理", Next: "Wait retry_after seconds, until midnight in Beijing."}
	ErrLinkGone = &Error{Status: 410, Code: "LINK_GONE", Title: "Pending link used, replaced, expired, unknown or another session's",
		Message: "本次绑定已失效，请重新开始", Next: "Ask GET /v1/link whether it is done, else start again."}
	ErrConsentRequired = &Error{Status: 403, Code: "CONSENT_REQUIRED", Title: "The citizen has not agreed to the purpose in errors, or no longer",
		Message: "请先阅读并同意相关说明", Next: "Show the text of GET /v1/consents for the field of the first error; POST /v1/consents when the citizen agrees; repeat under a new Idempotency-Key."}
	ErrConsentOutdated = &Error{Status: 409, Code: "CONSENT_OUTDATED", Title: "The text has changed since it was shown",
		Message: "说明内容已更新，请重新阅读", Next: "Read GET /v1/consents again and show the new text."}
	ErrConsentInUse = &Error{Status: 409, Code: "CONSENT_IN_USE", Title: "The consent to the link stands as long as the link",
		Message: "撤回此项同意需先解除绑定", Next: "Offer POST /v1/link/remove, which asks for the password."}
	ErrNoSuchAccount = &Error{Status: 404, Code: "NO_SUCH_ACCOUNT", Title: "The linked person has no account of this id",
		Message: "没有找到该账户，请刷新后重新选择", Next: "Read GET /v1/accounts again."}
	ErrAccountClosed = &Error{Status: 409, Code: "ACCOUNT_CLOSED", Title: "The account is merged, moved or closed",
		Message: "该公积金账户已转出或销户，无法办理", Next: "Show the message; the counter can help."}
	ErrAccountFrozen = &Error{Status: 423, Code: "ACCOUNT_FROZEN", Title: "The account is frozen by the centre",
		Message: "该公积金账户已冻结，暂不能修改密码，请到柜台办理", Next: "Show the message; nothing can be changed here."}
	ErrPasswordFrozen = &Error{Status: 423, Code: "PASSWORD_FROZEN", Title: "The password is frozen",
		Message: "密码已冻结，请通过身份验证重置密码或到柜台办理", Next: "Offer the reset."}

	ErrPhoneRefused = &Error{Status: 403, Code: "PHONE_REFUSED", Title: "The phone payload was refused",
		Message: "手机号核验未通过，请重新点击获取手机号", Next: "Call my.getPhoneNumber again. One answer for every reason."}

	ErrOldPasswordWrong = &Error{Status: 403, Code: "OLD_PASSWORD_WRONG", Title: "ID number or old password wrong",
		Message: "身份证号或原密码错误", Next: "Clear the old password, show remaining_attempts."}
	ErrPasswordLocked = &Error{Status: 423, Code: "PASSWORD_LOCKED", Title: "Too many wrong passwords",
		Message: "密码错误次数过多，已暂时锁定，请稍后再试或到柜台办理", Next: "Show locked_until; offer the reset."}

	ErrChangeInProgress = &Error{Status: 409, Code: "CHANGE_IN_PROGRESS", Title: "Another channel has a change open",
		Message: "您有一笔修改正在办理，请稍后再试", Next: "Wait, or finish it where it was begun."}
	ErrChangeGone = &Error{Status: 410, Code: "CHANGE_GONE", Title: "Change closed, expired or unknown",
		Message: "本次修改已失效，请重新开始", Next: "Ask GET /v1/password/changes/{id} whether it is done, else start again."}
	ErrResetGone = &Error{Status: 410, Code: "RESET_GONE", Title: "Reset closed, expired, unknown or another session's",
		Message: "本次重置已失效，请重新开始", Next: "Ask GET /v1/password/resets/{id} whether it is done, else start again."}
	ErrResetUnavailable = &Error{Status: 409, Code: "RESET_UNAVAILABLE", Title: "No online reset at this centre, or for this document",
		Message: "暂不支持线上重置密码，请本人携带身份证件到柜台办理", Next: "Show the message; offer to enter a clerk's code."}
	ErrResetLimit = &Error{Status: 429, Code: "RESET_LIMIT", Title: "As many resets started today as a day allows",
		Message: "今天重置密码的次数已用完，请明天再试或到柜台办理", Next: "Wait retry_after seconds, until midnight in Beijing; a clerk's code works at once."}
	ErrResetCodeWrong = &Error{Status: 403, Code: "RESET_CODE_WRONG", Title: "Clerk's code wrong, used, expired or tried too often",
		Message: "重置码不正确或已失效，请核对，或请柜台重新发放", Next: "Let the citizen correct the code; five tries each."}
	ErrIdentityNotProven = &Error{Status: 403, Code: "IDENTITY_NOT_PROVEN", Title: "Alipay has not confirmed the citizen's identity",
		Message: "身份验证未完成或未通过，请先完成刷脸验证", Next: "Call my.startAPVerify with the certify_id and certify_url of the reset or the pending link, then confirm again."}
	ErrPasswordMismatch = &Error{Status: 422, Code: "PASSWORD_MISMATCH", Title: "The two new passwords differ",
		Message: "两次输入的新密码不一致", Next: "Clear the second field."}
	ErrPasswordWeak = &Error{Status: 422, Code: "PASSWORD_WEAK", Title: "The new password breaks rules",
		Message: "新密码不符合规则，请按提示修改", Next: "Show every entry of errors."}
	ErrPasswordSame = &Error{Status: 422, Code: "PASSWORD_SAME", Title: "The new password is the old one",
		Message: "新密码不能与原密码相同", Next: "Ask for another one."}
	ErrPasswordReused = &Error{Status: 422, Code: "PASSWORD_REUSED", Title: "The new password was used before",
		Message: "不能使用最近用过的密码", Next: "Ask for another one."}
	ErrDecryptFailed = &Error{Status: 422, Code: "DECRYPT_FAILED", Title: "The sealed passwords do not open: ticket spent, late or not this session's, or sealed otherwise",
		Message: "页面停留时间过长，请再次提交", Next: "Take a new ticket, seal again and repeat once under a new Idempotency-Key."}
	ErrNotOffered = &Error{Status: 404, Code: "NOT_OFFERED", Title: "This centre has not set this up",
		Message: "暂未开通此功能，请使用其他方式办理", Next: "Hide the entry; without transport keys send passwords readable over TLS."}
	ErrKeyReused = &Error{Status: 422, Code: "IDEMPOTENCY_KEY_REUSED", Title: "The Idempotency-Key came with another body before",
		Message: "请求重复，请重新提交", Next: "Use a new key for every new form."}

	ErrTooManyRequests = &Error{Status: 429, Code: "TOO_MANY_REQUESTS", Title: "Too many requests", RetryAfter: 1,
		Message: "操作太频繁，请稍后再试", Next: "Wait retry_after seconds."}
	ErrBusy = &Error{Status: 503, Code: "BUSY", Title: "Overloaded, or the database is away: nothing was done", RetryAfter: 2,
		Message: "系统繁忙，本次未办理，请稍后再试", Next: "Repeat after retry_after seconds; who comes earlier is kept waiting."}
	ErrResultUnknown = &Error{Status: 503, Code: "RESULT_UNKNOWN", Title: "The outcome is not known yet", RetryAfter: 2,
		Message: "暂未收到办理结果，正在为您查询，请勿重复提交", Next: "Ask for the state of the change, or repeat with the same Idempotency-Key."}
	ErrAlipayUnavailable = &Error{Status: 502, Code: "ALIPAY_UNAVAILABLE", Title: "Alipay gave no answer that can be trusted", RetryAfter: 3,
		Message: "支付宝服务暂时不可用，请稍后再试", Next: "Get a new auth code and try again."}
	ErrInternal = &Error{Status: 500, Code: "INTERNAL", Title: "Our fault",
		Message: "服务异常，请稍后再试", Next: "Show request_id; the operator finds it in the log."}
)

// Catalogue lists the table, for the contract and its tests.
var Catalogue = []*Error{
	ErrSessionRequired, ErrSessionExpired, ErrAuthCodeInvalid,
	ErrBadRequest, ErrNotFound, ErrMethodNotAllowed, ErrTooLarge, ErrMediaType,
	ErrNotLinked, ErrAlreadyLinked, ErrLinkRefused, ErrAccountClosed, ErrAccountFrozen, ErrPasswordFrozen,
	ErrRelinkWaiting, ErrRelinkRefused, ErrTransferUndeliverable, ErrRelinkLimit, ErrRelinkGone, ErrNoSuchAccount,
	ErrLinkProofRequired, ErrLinkProofLimit, ErrLinkGone, ErrConsentRequired, ErrConsentOutdated, ErrConsentInUse,
	ErrPhoneRefused,
	ErrOldPasswordWrong, ErrPasswordLocked, ErrChangeInProgress, ErrChangeGone,
	ErrResetGone, ErrResetUnavailable, ErrResetLimit, ErrResetCodeWrong, ErrIdentityNotProven,
	ErrPasswordMismatch, ErrPasswordWeak, ErrPasswordSame, ErrPasswordReused, ErrDecryptFailed, ErrNotOffered, ErrKeyReused,
	ErrTooManyRequests, ErrBusy, ErrResultUnknown, ErrAlipayUnavailable, ErrInternal,
}

// translations say what an error of another room means to a caller. The first
// match counts. What is missing here is INTERNAL.
var translations = []struct {
	err error
	as  *Error
}{
	{store.ErrUnknownOutcome, ErrResultUnknown},
	{store.ErrUnavailable, ErrBusy},
	{store.ErrRunning, ErrBusy},
	{store.ErrLapsed, ErrBusy},
	{store.ErrRenamed, ErrBusy},
	{passwd.ErrBusy, ErrBusy},
	{passwd.ErrClosed, ErrBusy},
	{signing.ErrCodeInvalid, ErrAuthCodeInvalid},
	{signing.ErrTokenInvalid, ErrSessionExpired},
	{signing.ErrIDType, ErrBadRequest},
	{signing.ErrForged, ErrAlipayUnavailable},
	{signing.ErrUnavailable, ErrAlipayUnavailable},
	{signing.ErrConfiguration, ErrAlipayUnavailable},
	{context.DeadlineExceeded, ErrBusy},
	{context.Canceled, ErrBusy},
}

// asError finds the entry of the table that err stands for.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for _, t := range translations {
		if errors.Is(err, t.err) {
			return t.as.because(err)
		}
	}
	return ErrInternal.because(err)
}

func (e *Error) because(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// withFields is BAD_REQUEST or PASSWORD_WEAK with everything wrong at once.
func (e *Error) withFields(fields ...FieldError) *Error {
	c := *e
	c.Fields = fields
	return &c
}

// withRemaining tells the owner how many guesses are left.
func (e *Error) withRemaining(n int) *Error {
	c := *e
	c.Remaining = &n
	c.Message = fmt.Sprintf("%s，还可以输入%d次", e.Message, n)
	return &c
}

// lockedUntil tells the owner when the lock opens. The far future means that
// only a reset opens it.
func (e *Error) lockedUntil(until, now time.Time) *Error {
	c := *e
	zero := 0
	c.Remaining = &zero
	if until.Sub(now) > resetOnly {
		c.Message = "密码错误次数过多，已锁定，请通过身份验证重置密码或到柜台办理"
		return &c
	}
	c.LockedUntil = &until
	c.RetryAfter = int(until.Sub(now).Seconds()) + 1
	c.Message = fmt.Sprintf("密码错误次数过多，已锁定至%s，请稍后再试或到柜台办理", until.In(beijing).Format("1月2日15:04"))
	return &c
}

func (e *Error) retryAfter(seconds int) *Error {
	c := *e
	c.RetryAfter = seconds
	return &c
}

// resetOnly is longer than any lock that ends by itself.
const resetOnly = 10 * 365 * 24 * time.Hour

// beijing is the time citizens live in.
var beijing = calendar.Beijing

// fromStatus names the errors that net/http and Echo find before a handler runs.
func fromStatus(status int) *Error {
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
		return ErrTooManyRequests
	case http.StatusServiceUnavailable:
		return ErrBusy
	}
	if status >= 400 && status < 500 {
		return ErrBadRequest
	}
	return ErrInternal
}
