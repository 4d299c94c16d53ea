package alipay

import "fundpass/miniapp-api/selfservice"

// The codes of what only Alipay can refuse.
var (
	ErrAuthCodeInvalid = &selfservice.Error{Code: "AUTH_CODE_INVALID"}
	ErrUnavailable     = &selfservice.Error{Code: "ALIPAY_UNAVAILABLE"}
)
