package selfservice

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A ChangeInput is the form that opens a change. Whom the centre identifies has signed in with
// the document or the account, and may leave IDNumber out.
type ChangeInput struct {
	IDNumber    string
	OldPassword passwd.Secret
}

// MayChange returns ErrPasswordFrozen if the caller's password is frozen. Channels call it
// before they decrypt a form.
func (s *Service) MayChange(c Caller) error { return c.checkNotFrozen() }

// OpenChange checks document and old password and opens a change. It cancels a change that the
// caller had open. A wrong password is ErrOldPasswordWrong or ErrPasswordLocked.
func (s *Service) OpenChange(ctx context.Context, c Caller, in ChangeInput) (store.Change, error) {
	if err := s.MayChange(c); err != nil {
		return store.Change{}, err
	}
	account, err := s.LinkedAccount(ctx, c)
	if err != nil {
		return store.Change{}, err
	}
	if in.IDNumber == "" && c.Provider == store.ProviderCentre {
		in.IDNumber = account.Person.IDNumber
	}
	doc, err := in.document(s.documents, account.Person.IDType)
	if err != nil {
		return store.Change{}, err
	}
	account, err = s.ownerAttempt(ctx, c, in.OldPassword, func(a store.Account) bool {
		return bytes.Equal(s.db.PersonDigest(doc.Key()), a.PersonDigest)
	})
	if err != nil {
		return store.Change{}, err
	}
	if err := checkChangeable(account); err != nil {
		return store.Change{}, err
	}
	change, err := s.db.OpenChange(ctx, c.Session, account, s.db.PasswordFingerprints(account, in.OldPassword.Normalised())[0])
	switch {
	case errors.Is(err, store.ErrBlocked):
		err = s.blockedError(ctx, account.ID, checkChangeable, ErrChangeGone)
	case errors.Is(err, store.ErrGone): // the password was right when it was checked, so this attempt is not counted
		err = ErrOldPasswordWrong.withRemaining(lockoutPolicy(s.policy).Remaining(0, 0, nil, s.db.Now()))
	}
	return change, openError(err)
}

// openError returns the error of a change or reset that could not be opened.
func openError(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict): // another user has one open
		return ErrChangeInProgress
	case errors.Is(err, store.ErrNotFound):
		return ErrNotLinked
	}
	return err
}

// document validates the form and returns its document. It runs before an attempt is charged,
// so that a mistyped digit that the check digit reveals costs none.
func (in ChangeInput) document(known *document.List, idType string) (document.Document, error) {
	var wrong []FieldError
	doc, err := known.Parse(idType, in.IDNumber)
	if in.IDNumber == "" {
		wrong = append(wrong, FieldError{Field: "id_number", Code: "REQUIRED"})
	} else {
		wrong = append(wrong, documentErrors(err)...)
	}
	if in.OldPassword.Empty() {
		wrong = append(wrong, FieldError{Field: "old_password", Code: "REQUIRED"})
	}
	if len(wrong) > 0 {
		return document.Document{}, ErrBadRequest.WithFields(wrong...)
	}
	return doc, nil
}

// checkChangeable returns an error if the account's password cannot be changed:
// ErrAccountClosed, ErrAccountFrozen or ErrPasswordFrozen.
func checkChangeable(a store.Account) error {
	switch {
	case a.Ended():
		return ErrAccountClosed
	case a.Status == store.StatusFrozen:
		return ErrAccountFrozen
	case a.State == store.PasswordFrozen:
		return ErrPasswordFrozen
	}
	return nil
}

// ConfirmChange sets the new password and closes the change. A repeated confirm with the same
// password returns the first result.
func (s *Service) ConfirmChange(ctx context.Context, c Caller, id uuid.UUID, in NewPassword) (Done, error) {
	var change store.Change
	return s.confirm(ctx, c, in, procedure{
		id: id, closed: ErrChangeGone, check: checkChangeable,
		load: func(ctx context.Context) (_ progress, err error) {
			change, err = s.db.Change(ctx, c.Session, id)
			return progress{change.AccountID, change.Finished, change.Repeats}, err
		},
		ready: func(context.Context) error {
			if change.State != store.ChangeOpen {
				return ErrChangeGone
			}
			return nil
		},
		replaces: func(fingerprints ...[]byte) bool { return change.Replaces(fingerprints...) },
		refused: func(ctx context.Context) error { // the citizen types another one
			_, err := s.db.RenewChange(ctx, c.Session, id)
			return err
		},
		write: func(ctx context.Context, n store.NewPassword) (store.Finished, error) {
			return s.db.FinishChange(ctx, c.Session, id, n)
		},
		onConflict: func(ctx context.Context) error {
			_, err := s.CancelChange(ctx, c, id)
			return err
		},
		overtaken: []*Error{ErrPasswordReused},
	})
}

// Change returns a change, and renews it while it is open. The state of one that does not exist
// or belongs to another user is ChangeUnknown.
func (s *Service) Change(ctx context.Context, c Caller, id uuid.UUID) (store.Change, error) {
	change, err := s.db.RenewChange(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Change{ID: id, State: store.ChangeUnknown}, s.CheckRenamed(ctx, c)
	}
	return change, err
}

// CancelChange cancels an open change and leaves the password as it is. It returns
// ErrChangeGone if the change is not open.
func (s *Service) CancelChange(ctx context.Context, c Caller, id uuid.UUID) (store.Change, error) {
	change, err := s.db.CancelChange(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		return store.Change{}, ErrChangeGone
	}
	return change, err
}
