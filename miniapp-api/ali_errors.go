package miniapp

// The codes of what only Alipay can refuse.
var (
	ErrAuthCodeInvalid = &Error{Code: "AUTH_CODE_INVALID"}
	ErrUnavailable     = &Error{Code: "ALIPAY_UNAVAILABLE"}
)
