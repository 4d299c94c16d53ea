package selfservice

import "fundpass/store"

// A Caller is the user who makes a request, as far as the channel has verified them.
type Caller struct {
	store.Session // zero if the procedure needs no session
	Channel       Channel

	Network   string // the caller's IPv4 address or IPv6 /64
	RequestID string // identifies the request in the log

	// IsRetry reports whether an earlier run of this request may already have done its work.
	// Record is the request's idempotency record, so that a retry is charged once; nil if the
	// request has no key.
	IsRetry bool
	Record  *store.IdempotencyRecord
}
