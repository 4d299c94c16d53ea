package selfservice

import (
	"context"
	"errors"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// Unlink removes the link. It requires the password, because a borrowed phone must not be
// enough. It returns ErrNotLinked, ErrPasswordFrozen, ErrOldPasswordWrong or ErrPasswordLocked.
func (s *Service) Unlink(ctx context.Context, c Caller, password passwd.Secret) error {
	switch {
	case c.Link == nil && c.IsRetry:
		return nil // the earlier run removed the link
	case c.Link == nil:
		return ErrNotLinked
	case password.Empty():
		return ErrBadRequest.WithFields(FieldError{Field: "password", Code: "REQUIRED"})
	}
	if err := c.checkNotFrozen(); err != nil {
		return err
	}
	if _, err := s.ownerAttempt(ctx, c, password, func(store.Account) bool { return true }); err != nil {
		return err
	}
	err := s.db.RemoveLink(ctx, c.Session)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return ErrPasswordFrozen
	}
	return err
}
