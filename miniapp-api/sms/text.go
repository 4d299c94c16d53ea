package sms

import (
	"fmt"
	"strings"
	"time"

	"fundpass/keys/calendar"
	"fundpass/store"
)

// codeTexts say what a code is for, by the kind of the outbox.
var codeTexts = map[string]string{
	"code_sign_in": "登录公积金网上服务",
	"code_reset":   "重置公积金密码",
	"code_link":    "绑定公积金账户",
	"code_device":  "在新设备上登录公积金",
}

// codeWarnings end the text of a code. Whoever requested one of the first kinds has given the
// right password.
var codeWarnings = map[string]string{
	"code_sign_in": "不要告诉任何人，包括工作人员。非本人操作请改密码。",
	"code_link":    "不要告诉任何人，包括工作人员。非本人操作请改密码。",
	"code_device":  "不要告诉任何人，包括工作人员。非本人操作请改密码。",
	"code_reset":   "不要告诉任何人，工作人员也不会向您索要。",
}

// Parts of notices. %s is the time. A notice names no person and no account, because a phone
// shows it while it is locked.
const (
	notMe    = "如非本人操作，请立即拨打12329或到柜台冻结密码。"
	wayBack  = "如需恢复使用，请重置密码或到柜台办理。"
	question = "如有疑问，请拨打12329。"
)

// noticeTexts has the notices that reach their person by SMS. Those about a link transfer that
// waits are missing: the holder can reject it only where the link is, and a transfer whose
// notice is not delivered there ends.
var noticeTexts = map[string]string{
	store.NoticePasswordChanged: "您的公积金密码已于%s修改。" + notMe,
	store.NoticePasswordReset:   "您的公积金密码已于%s重置。" + notMe,
	store.NoticePasswordFrozen:  "您的公积金密码已于%s冻结，所有登录已退出。" + wayBack,
	store.NoticeLinked:          "您的公积金账户已于%s完成线上绑定。" + notMe,
	store.NoticeDeviceAdded:     "您的公积金账户已于%s在新设备上登录。" + notMe,
	store.NoticeLinkTransferred: "您的公积金账户已于%s改绑到其他账号。" + notMe,
	store.NoticeFrozenByFormer:  "您的公积金密码已于%s被原绑定的账号冻结。" + wayBack,
	store.NoticeLinkMoved:       "您的公积金账户已合并，线上绑定已于%s转到您的另一个账户。" + question,
	store.NoticeLinkEnded:       "您的公积金账户已销户、转出或变更，线上绑定已于%s解除。" + question,
}

// Text returns the text of a message without the signature. ok is false for a kind that is not
// sent by SMS or that a newer version wrote.
func Text(m Message) (text string, ok bool) {
	if purpose, ok := codeTexts[m.Kind]; ok {
		return fmt.Sprintf("验证码%s，用于%s，%d分钟内有效。%s", m.Code, purpose, store.SMSCodeLife/time.Minute, codeWarnings[m.Kind]), m.Code != ""
	}
	text, ok = noticeTexts[m.Kind]
	return strings.Replace(text, "%s", m.At.In(calendar.Beijing).Format("1月2日15:04"), 1), ok
}

// Sends reports whether a kind of notice has a text.
func Sends(kind string) bool {
	_, ok := noticeTexts[kind]
	return ok
}
