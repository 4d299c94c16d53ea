package website

import (
	"cmp"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// Words are what this channel says in its own words.
var Words = httpapi.Words{
	Entries: append([]httpapi.Presentation{
		{Code: errForeign.Code, Status: 403, Title: "A page of another origin has sent the request",
			Message: "该请求不是从本网站的页面发出的，没有办理", Next: "Nothing: browsers refuse such requests, too."},
		{Code: errFormExpired.Code, Status: 403, Title: "The form is too old, was sent already with other content, or belongs to another browser",
			Message: "页面停留时间过长、已提交过，或浏览器没有保存 Cookie。刚才填写的内容没有提交，请在下面重新填写", Next: "Show an empty form."},
		{Code: errCaptcha.Code, Status: 403, Title: "The captcha is missing, wrong, expired or was used before",
			Message: "图形验证码不对或已过期，还没有登录。请输入新的图形验证码，并重新填写密码或重置码", Next: "Show a new captcha."},
		{Code: selfservice.ErrDeviceGone.Code, Status: 404, Title: "The person has no such device, or has ended it",
			Message: "该设备已经移除", Next: "Show the list of devices again."},
		{Code: "SESSION_EXPIRED", Message: "登录已失效，请重新登录"},
		{Code: "NOT_FOUND", Message: "没有这个页面"},
		{Code: "NO_SUCH_ACCOUNT", Message: "没有找到该账户，请重新选择"},
		{Code: "PASSWORD_FROZEN", Message: "密码已冻结，请在“重设密码”中核实本人后设置新密码，或到柜台办理"},
		{Code: "OLD_PASSWORD_WRONG", Message: "原密码错误"},
		{Code: "CHANGE_IN_PROGRESS", Message: "您在其他渠道有一笔修改正在办理，请先在那里完成或取消，或稍后再试"},
		{Code: "TOO_MANY_REQUESTS", Message: "操作太频繁，或您所在的网络登录失败次数过多，请稍后再试"},
	}, httpapi.SignInEntries...),
}

// officeNames are the names of what is no channel of citizens.
var officeNames = map[string]string{
	store.ChannelOperator: "公积金中心",
	store.ChannelCounter:  "柜台",
	store.ChannelCentre:   "公积金中心",
}

// channelName returns the name of a channel, or a general one for a channel that a later
// version knows.
func channelName(channel string) string {
	entry, _ := store.DefaultChannel(channel)
	return cmp.Or(officeNames[channel], entry.Title, "其他渠道")
}

// statusNames are the states of an account (GRZHZT).
var statusNames = map[string]string{
	store.StatusNormal: "正常", store.StatusSealed: "封存", store.StatusMerged: "已合并", store.StatusMoved: "已转出",
	store.StatusClosed: "已销户", store.StatusFrozen: "冻结", store.StatusUnknown: "其他",
}

// stateNames are the states of a password.
var stateNames = map[string]string{
	store.PasswordInitial: "初始密码，尚未修改", store.PasswordSet: "正常", store.PasswordMustChange: "需要修改",
	store.PasswordFrozen: "已冻结", "locked": "已锁定",
}

// stepNames are the states of changes and resets.
var stepNames = map[string]string{
	store.ChangeOpen: "办理中", store.ResetStarted: "办理中", store.ResetPassed: "已核实身份", store.ChangeDone: "已完成",
	store.ChangeCancelled: "已取消", store.ChangeExpired: "已超时",
}

// The reasons for which the sign-in page is shown, as its query names them.
const (
	whyEnded  = "ended"
	whyOut    = "out"
	whyFrozen = "frozen"
	whyStep   = "step"
)

// whyTexts are what the sign-in page says. An unknown reason says nothing.
var whyTexts = map[string]string{
	whyEnded:  "登录已结束：长时间没有操作、已在别处退出，或密码已修改。请重新登录。",
	whyOut:    "您已安全退出。",
	whyFrozen: "密码已冻结，您在所有渠道的登录都已退出。需要使用时，请用“忘记密码”核实本人后设置新密码，或到柜台办理。",
	whyStep:   "验证已超时，请重新登录。",

	"issuer-down":       "统一身份认证平台暂时无法使用。请稍后再试，或者用证件号码和密码登录。",
	"issuer-denied":     "您没有完成统一身份认证平台的登录。可以重新登录，或者用证件号码和密码登录。",
	"issuer-expired":    "这次登录已经过期，请重新登录。",
	"issuer-unverified": "您在统一身份认证平台的账号还没有完成实名认证。请先完成实名认证，或者用证件号码和密码登录。",
	"issuer-document":   "统一身份认证平台没有提供您的姓名和证件号码，请用证件号码和密码登录。",
	"issuer-rejected":   "统一身份认证平台的答复没有通过核对，所以没有登录。请重新登录；仍然不行的，请用证件号码和密码登录。",
}
