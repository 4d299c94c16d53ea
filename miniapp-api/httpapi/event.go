package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
)

// eventTexts are the texts of 办理记录, by event kind, with the placeholders of Words.
var eventTexts = map[string]string{
	store.EventLinked:          "绑定公积金账户",
	store.EventUnlinked:        "解除绑定",
	store.EventSignedIn:        "登录",
	store.EventChangeOpened:    "开始修改密码",
	store.EventPasswordChanged: "密码修改成功",
	store.EventPasswordWrong:   "密码输入错误",
	store.EventPasswordLocked:  "密码错误次数过多，已锁定",

	store.EventResetOpened:     "开始重置密码",
	store.EventResetCodeIssued: "柜台发放密码重置码",
	store.EventPasswordReset:   "密码重置成功",

	store.EventAuthorisationWithdrawn: "已取消{user}授权，绑定已解除",
	store.EventPasswordFrozen:         "密码已冻结，所有登录已退出",
	store.EventUnlocked:               "公积金中心已解除密码锁定",

	store.EventLinkMoved:         "公积金账户已合并，绑定已转到您的另一个账户",
	store.EventLinkEnded:         "公积金账户已销户、转出或变更，绑定已解除",
	store.EventTransferRequested: "其他{account}申请改绑",
	store.EventTransferRejected:  "已拒绝改绑申请",
	store.EventLinkTransferred:   "已改绑到其他{account}",
	store.EventAccountChosen:     "切换到另一个公积金账户",

	store.EventMessagesDeclined: "不再接收消息提醒",

	store.EventDeviceAdded: "手机应用在新设备上登录",
	store.EventDeviceEnded: "手机应用的登录设备已移除",

	store.EventSignInCodeSent: "用密码登录，已向预留手机发送验证码",
	store.EventDeviceCodeSent: "用密码在新设备上登录，已向预留手机发送验证码",
	store.EventLinkCodeSent:   "用密码申请绑定，已向预留手机发送验证码",
	store.EventResetCodeSent:  "申请重置密码，已向预留手机发送验证码",

	store.EventErased:   "公积金中心已按申请删除个人信息",
	store.EventRestored: "系统从备份恢复，最近的办理可能未保留，请核对绑定和密码",
}

// An eventView has the kind for pages, which may show an icon, and the text for citizens. An
// older page shows the text of a kind that it does not know.
type eventView struct {
	ID      uuid.UUID `json:"id"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Text    string    `json:"text"`
	Channel string    `json:"channel"`
}

// An eventsReply has the latest events only: it is for noticing what one has not done oneself.
// GET /v1/me/data has more of them.
type eventsReply struct {
	Events []eventView `json:"events"`
}

// viewOfEvent names the provider only for an event of this channel. The record of a citizen
// contains the events of every channel, and another channel has other users.
func (s *Server) viewOfEvent(e store.Event) eventView {
	var words Words
	if e.Channel == string(s.channel) {
		words = s.words
	}
	return eventView{e.ID, e.At, e.Kind, words.in(eventTexts[e.Kind]), e.Channel}
}

// showEvents requires no password, because the record says what happened and contains no
// personal data.
func (s *Server) showEvents(ctx context.Context, r Request, _ none) (eventsReply, error) {
	events, err := s.service.Events(ctx, r.Caller)
	views := make([]eventView, len(events))
	for i, e := range events {
		views[i] = s.viewOfEvent(e)
	}
	return eventsReply{views}, err
}
