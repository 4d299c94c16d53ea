package selfservice

import (
	"context"

	"fundpass/miniapp-api/passwd"
)

// hashCaller returns the caller as the hasher's queue distinguishes them, by the session alone,
// or by the front end that has none yet.
func hashCaller(c Caller) passwd.Caller {
	return passwd.Caller{Identity: string(c.user()), Unverified: c.Link == nil}
}

// A hashing computes all hashes of one request in one slot, so that the request waits once.
type hashing struct {
	hasher *passwd.Hasher
	caller passwd.Caller
	slot   *passwd.Slot
}

// newHashing returns a hashing that reserves its slot on first use. The caller must call end.
func newHashing(hasher *passwd.Hasher, c Caller) *hashing {
	return &hashing{hasher: hasher, caller: hashCaller(c)}
}

func (h *hashing) reserve(ctx context.Context) (err error) {
	if h.slot == nil {
		h.slot, err = h.hasher.Reserve(ctx, h.caller)
	}
	return err
}

// verify reports whether hash is a hash of the password.
func (h *hashing) verify(ctx context.Context, hash string, password passwd.Secret) (bool, error) {
	if err := h.reserve(ctx); err != nil {
		return false, err
	}
	right, _, err := h.slot.Verify(ctx, hash, password)
	return right, err
}

// hashAndRelease returns the hash to store for a password and releases the slot, so that
// database work does not occupy it.
func (h *hashing) hashAndRelease(ctx context.Context, password passwd.Secret) (string, error) {
	if err := h.reserve(ctx); err != nil {
		return "", err
	}
	defer h.end()
	return h.slot.Hash(ctx, password)
}

func (h *hashing) end() {
	if h.slot != nil {
		h.slot.Release()
	}
}
