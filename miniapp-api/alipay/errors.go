package alipay

import "fundpass/miniapp-api/selfservice"

// The errors of Alipay's channel.
var (
	ErrAuthCodeInvalid = &selfservice.Error{Code: "AUTH_CODE_INVALID"}
	ErrUnavailable     = &selfservice.Error{Code: "ALIPAY_UNAVAILABLE"}
)
