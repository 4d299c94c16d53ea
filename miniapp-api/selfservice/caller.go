package selfservice

import "fundpass/store"

// user returns the digest of the caller's identity, or the Binding of one who has none yet.
func (c Caller) user() []byte {
	if c.IdentityDigest == nil {
		return c.Binding
	}
	return c.IdentityDigest
}

// A Caller is the user who makes a request, as far as the channel has verified them.
type Caller struct {
	store.Session // zero if the procedure needs no session
	Channel       Channel

	// Binding is the digest of the random value by which the channel recognises a front end
	// that has no session yet; nil if it does not. Codes and the steps of a sign-in are bound
	// to it.
	Binding []byte

	Network   string // the caller's IPv4 address or IPv6 /64
	RequestID string // identifies the request in the log

	// IsRetry reports whether an earlier run of this request may already have done its work.
	// Record is the request's idempotency record, so that a retry is charged once; nil if the
	// request has no key.
	IsRetry bool
	Record  *store.IdempotencyRecord
}
