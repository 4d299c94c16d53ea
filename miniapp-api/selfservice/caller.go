package selfservice

import "fundpass/store"

// A Caller is whoever asks, as far as the channel has proven it.
type Caller struct {
	store.Session // zero where nobody has to be known
	Channel       Channel

	Network   string // the IPv4 address or the IPv6 /64 that asks
	RequestID string // as the log names the request

	// IsRetry reports whether an earlier run of this very request may have done what is
	// asked, and Record is what is kept of the request, so that it is charged once; nil:
	// the request cannot be recognised when it is repeated.
	IsRetry bool
	Record  *store.IdempotencyRecord
}
