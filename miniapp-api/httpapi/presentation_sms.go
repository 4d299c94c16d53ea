package httpapi

import (
	"fmt"

	"fundpass/miniapp-api/selfservice"
)

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
