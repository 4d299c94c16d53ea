package alipay

import "fundpass/miniapp-api/selfservice"

// ErrUnavailable is the reply to a failure of Alipay that no procedure handles.
var ErrUnavailable = &selfservice.Error{Code: "ALIPAY_UNAVAILABLE"}
