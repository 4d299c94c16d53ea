package selfservice

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"fundpass/store"
)

// Accounts lists what the linked person can choose from; accounts that have ended are
// not among them.
func (s *Service) Accounts(ctx context.Context, c Caller) ([]store.Account, error) {
	return s.db.AccountsOf(ctx, *c.Link)
}

// ChooseAccount makes the link one to another account of the same person.
func (s *Service) ChooseAccount(ctx context.Context, c Caller, id uuid.UUID) (store.Account, error) {
	if err := c.unfrozen(); err != nil && id != c.Link.AccountID {
		return store.Account{}, err
	}
	err := s.db.ChooseAccount(ctx, c.Session, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrNoSuchAccount
	case errors.Is(err, store.ErrConflict): // the link ended, or moved, a moment ago
		return store.Account{}, ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return store.Account{}, s.whyNotChosen(ctx, id)
	case err != nil:
		return store.Account{}, err
	}
	return s.db.LinkedAccount(ctx, id)
}

// whyNotChosen tells an account that has ended from a password frozen a moment ago.
func (s *Service) whyNotChosen(ctx context.Context, id uuid.UUID) error {
	a, err := s.db.LinkedAccount(ctx, id)
	if err == nil && a.Ended() {
		return ErrAccountClosed
	}
	return ErrPasswordFrozen
}
