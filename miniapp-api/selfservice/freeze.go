package selfservice

import (
	"context"
	"errors"

	"fundpass/store"
)

// Freeze is 不是我: one tap, and the password opens nothing any more. No
// password is asked for: whoever holds the owner's link may protect the
// account, and so may whoever held the link until it was taken over, for some days. It
// ends every session, the caller's too; the way back is a reset by face verification,
// or the counter.
func (s *Service) Freeze(ctx context.Context, c Caller) error {
	how := s.db.Freeze
	if c.Link == nil {
		how = s.db.FreezeAsFormerHolder
	}
	err := how(ctx, c.Session)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotLinked
	}
	return err
}

// unfrozen keeps a frozen password from being guessed at: the owner knows that
// it is frozen, so nothing is checked and nothing charged.
func (c Caller) unfrozen() error {
	if c.Link != nil && c.Link.Password.State == store.PasswordFrozen {
		return ErrPasswordFrozen
	}
	return nil
}
