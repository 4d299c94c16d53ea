package httpapi

import "fundpass/miniapp-api/selfservice"

// The errors of the HTTP layer. Those of the rules are in selfservice, which does not know
// HTTP; the texts of all are in presentation.go.
var (
	ErrSessionRequired  = &selfservice.Error{Code: "SESSION_REQUIRED"}
	ErrAuthCodeInvalid  = &selfservice.Error{Code: "AUTH_CODE_INVALID"} // of a channel whose provider sends users with a code
	ErrNotFound         = &selfservice.Error{Code: "NOT_FOUND"}
	errCenterUnknown    = &selfservice.Error{Code: "CENTER_UNKNOWN"}
	ErrMethodNotAllowed = &selfservice.Error{Code: "METHOD_NOT_ALLOWED"}
	ErrTooLarge         = &selfservice.Error{Code: "PAYLOAD_TOO_LARGE"}
	ErrMediaType        = &selfservice.Error{Code: "UNSUPPORTED_MEDIA_TYPE"}
	ErrDecryptFailed    = &selfservice.Error{Code: "DECRYPT_FAILED"}
	ErrKeyReused        = &selfservice.Error{Code: "IDEMPOTENCY_KEY_REUSED"}
)
