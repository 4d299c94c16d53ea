package selfservice

import (
	"context"
	"errors"

	"fundpass/store"
)

// Freeze freezes the password and ends all sessions of the account, including the caller's. It
// requires no password: the linked user may protect the account, and so may the user from whom
// the link was transferred, for some days. A reset with face verification or a visit to the
// counter undoes it. It returns ErrNotLinked for any other caller.
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

// checkNotFrozen returns ErrPasswordFrozen if the caller's password is frozen. Callers use it
// before an attempt is charged.
func (c Caller) checkNotFrozen() error {
	if c.Link != nil && c.Link.Password.State == store.PasswordFrozen {
		return ErrPasswordFrozen
	}
	return nil
}
