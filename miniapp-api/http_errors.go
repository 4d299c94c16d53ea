package miniapp

// The codes of what only HTTP can be wrong about.
var (
	ErrSessionRequired  = &Error{Code: "SESSION_REQUIRED"}
	ErrNotFound         = &Error{Code: "NOT_FOUND"}
	ErrMethodNotAllowed = &Error{Code: "METHOD_NOT_ALLOWED"}
	ErrTooLarge         = &Error{Code: "PAYLOAD_TOO_LARGE"}
	ErrMediaType        = &Error{Code: "UNSUPPORTED_MEDIA_TYPE"}
	ErrDecryptFailed    = &Error{Code: "DECRYPT_FAILED"}
	ErrKeyReused        = &Error{Code: "IDEMPOTENCY_KEY_REUSED"}
)
