package httpapi

import (
	"fmt"
	"slices"
	"strings"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/selfservice"
)

// Functions that return the message of one occurrence of an error.

// remainingMessage repeats in the text what is also a number in a field, because citizens see
// the text.
func remainingMessage(e *selfservice.Error, message string) string {
	if e.Remaining == nil {
		return message
	}
	return fmt.Sprintf("%s，密码还可以试%d次", message, *e.Remaining)
}

// codeWrongMessage says how often the citizen can still try, or what helps if they cannot.
func codeWrongMessage(e *selfservice.Error, message string) string {
	switch {
	case e.Remaining == nil:
		return message
	case *e.Remaining == 0:
		return message + "，请重新获取"
	}
	return fmt.Sprintf("%s，还可以试%d次", message, *e.Remaining)
}

// codeLimitMessage distinguishes the pause after a code from the limit of the day.
func codeLimitMessage(e *selfservice.Error, message string) string {
	if e.RetryAfter == 0 || e.RetryAfter > 60 {
		return message
	}
	return fmt.Sprintf("验证码刚刚发送过，请%d秒后再获取", e.RetryAfter)
}

// resetMessage names the code by SMS where that is possible instead of a face.
func resetMessage(reason string) func(*selfservice.Error, string) string {
	return func(e *selfservice.Error, message string) string {
		if !e.SMSOffered {
			return message
		}
		return reason + "，可改用短信验证码，或到柜台办理"
	}
}

// lockedMessage distinguishes a lock that ends by itself from one that only a reset ends.
func lockedMessage(e *selfservice.Error, message string) string {
	switch {
	case e.LockedUntil != nil:
		return fmt.Sprintf("密码错误次数过多，已锁定至%s，请稍后再试或到柜台办理", e.LockedUntil.In(calendar.Beijing).Format("1月2日15:04"))
	case e.Remaining != nil:
		return "密码错误次数过多，已锁定，请通过身份验证重置密码或到柜台办理"
	}
	return message
}

// transferMessage reveals that another user has the link only to a caller who is proven to be
// the person.
func transferMessage(e *selfservice.Error, message string) string {
	if !e.TransferOffered {
		return message
	}
	return "该公积金账户已绑定其他{account}，您可以申请改绑到当前{user}"
}

// waitingMessage names the time only once the holder is notified, because the window begins
// with that.
func waitingMessage(e *selfservice.Error, message string) string {
	switch {
	case e.Transfer == nil:
		return message
	case e.Transfer.DueAt == nil:
		return "改绑申请已提交，正在通知原绑定的{user}。通知送达后才开始计算等待时间，请稍后回到这里查看；无法通知的，请本人携带身份证件到柜台办理"
	}
	return fmt.Sprintf("改绑申请已提交。为保障账户安全，请在%s之后回到这里完成改绑；原绑定的{user}可在此之前拒绝", e.Transfer.DueAt.In(calendar.Beijing).Format("1月2日15:04"))
}

// closedMessage says why the channel is closed, until when and where else to go.
func closedMessage(e *selfservice.Error, message string) string {
	c := e.Closed
	if c == nil {
		return message
	}
	text := c.Name + "暂停服务"
	if c.Why == selfservice.ChannelByHours {
		text = fmt.Sprintf("现在不在%s的服务时间（每天%s）", c.Name, c.Hours)
	}
	wait := "请稍后再试"
	if c.OpensAt != nil {
		wait = fmt.Sprintf("请在%s之后再试", c.OpensAt.In(calendar.Beijing).Format("1月2日15:04"))
	}
	return text + "，" + wait + elsewhere(c.Open)
}

// elsewhere names where else citizens can go. The counter is always among it.
func elsewhere(open []selfservice.ChannelName) string {
	if len(open) == 0 {
		return "，或到柜台办理"
	}
	var names []string
	for _, o := range open {
		if !slices.Contains(names, o.Name) {
			names = append(names, o.Name)
		}
	}
	return "，或通过" + strings.Join(names, "、") + "办理，也可以到柜台办理"
}
