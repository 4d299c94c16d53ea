package selfservice

import (
	"context"

	"fundpass/miniapp-api/passwd"
)

// hashesFor says who asks for a place to hash in, by the caller's session alone.
func hashesFor(c Caller) passwd.Caller {
	return passwd.Caller{Identity: string(c.IdentityDigest), Unverified: c.Link == nil}
}

// A hashing is what a request has to hash, all in one place: nobody waits twice.
type hashing struct {
	service *Service
	caller  passwd.Caller
	slot    *passwd.Slot
}

// hashing waits for no place before it is used. The caller ends it.
func (s *Service) hashing(c Caller) *hashing { return &hashing{service: s, caller: hashesFor(c)} }

func (h *hashing) reserve(ctx context.Context) (err error) {
	if h.slot == nil {
		h.slot, err = h.service.hasher.Reserve(ctx, h.caller)
	}
	return err
}

// verify reports whether a password made hash.
func (h *hashing) verify(ctx context.Context, hash string, password passwd.Secret) (bool, error) {
	if err := h.reserve(ctx); err != nil {
		return false, err
	}
	right, _, err := h.slot.Verify(ctx, hash, password)
	return right, err
}

// last is the hash to store for a password. What the database has to do then needs no place.
func (h *hashing) last(ctx context.Context, password passwd.Secret) (string, error) {
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
