package alipay

import (
	"time"

	"fundpass/keys/calendar"
	"fundpass/store"
)

// noticeTexts holds, by kind of notice, what happened and what the owner can do if it was
// someone else.
var noticeTexts = map[string][2]string{
	store.NoticePasswordChanged:   {"公积金密码已修改", freezeHint},
	store.NoticePasswordReset:     {"公积金密码已重置", freezeHint},
	store.NoticeLinked:            {"公积金账户已绑定支付宝", freezeHint},
	store.NoticeDeviceAdded:       {"手机应用在新设备上登录了公积金", freezeHint},
	store.NoticeTransferRequested: {"有其他支付宝账号申请改绑您的公积金账户", "如非本人操作，请立即点击拒绝"},
	store.NoticeTransferRejected:  {"改绑申请已被原绑定的支付宝拒绝", "请本人携带身份证件到柜台办理"},
	store.NoticeLinkTransferred:   {"公积金账户已改绑到其他支付宝账号，本支付宝的绑定已解除", "如非本人操作，请在7天内点击冻结"},
	store.NoticeFrozenByFormer:    {"原绑定的支付宝已冻结公积金密码，所有登录已退出", wayBack},

	store.NoticeTransferUndeliverable: {"无法通知原绑定的支付宝，改绑申请已结束", "请本人携带身份证件到柜台办理"},

	store.NoticeLinkMoved:      {"公积金账户已合并，绑定已转到您的另一个账户", centreHint},
	store.NoticeLinkEnded:      {"公积金账户已销户、转出或变更，绑定已解除", centreHint},
	store.NoticePasswordFrozen: {"公积金密码已冻结，所有登录已退出", wayBack},
}

// The hints differ by what still helps: a freeze, the centre, or the way back after a freeze.
const (
	freezeHint = "如非本人操作，请立即点击冻结"
	centreHint = "如有疑问，请咨询公积金中心"
	wayBack    = "如需恢复使用，请通过身份验证重置密码或到柜台办理"
)

// NoticeText returns the three keywords of the message template for a notice to an owner: what
// happened, when (Beijing time) and what to do. They contain no name, document or account,
// because a message is shown on a locked phone. ok is false for a kind that a newer version
// wrote.
func NoticeText(kind string, at time.Time) (keywords []string, ok bool) {
	text, ok := noticeTexts[kind]
	if !ok {
		return nil, false
	}
	return []string{text[0], at.In(calendar.Beijing).Format("2006年1月2日 15:04"), text[1]}, true
}
