package selfservice

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"fundpass/store"
)

// LinkedAccount returns the account that the caller is linked to.
func (s *Service) LinkedAccount(ctx context.Context, c Caller) (store.Account, error) {
	return s.db.LinkedAccount(ctx, c.Link.AccountID)
}

// Accounts returns the accounts of the linked person that have not ended. Errors are those of
// the store.
func (s *Service) Accounts(ctx context.Context, c Caller) ([]store.Account, error) {
	return s.db.AccountsOf(ctx, *c.Link)
}

// ChooseAccount moves the link to another account of the same person and returns that account.
// It returns ErrNoSuchAccount, ErrAccountClosed, ErrPasswordFrozen or ErrNotLinked.
func (s *Service) ChooseAccount(ctx context.Context, c Caller, id uuid.UUID) (store.Account, error) {
	if err := c.checkNotFrozen(); err != nil && id != c.Link.AccountID {
		return store.Account{}, err
	}
	err := s.db.ChooseAccount(ctx, c.Session, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrNoSuchAccount
	case errors.Is(err, store.ErrConflict): // the link was removed or moved meanwhile
		return store.Account{}, ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return store.Account{}, s.chooseError(ctx, id)
	case err != nil:
		return store.Account{}, err
	}
	return s.db.LinkedAccount(ctx, id)
}

// chooseError returns ErrAccountClosed if the account has ended, and ErrPasswordFrozen
// otherwise.
func (s *Service) chooseError(ctx context.Context, id uuid.UUID) error {
	a, err := s.db.LinkedAccount(ctx, id)
	if err == nil && a.Ended() {
		return ErrAccountClosed
	}
	return ErrPasswordFrozen
}
