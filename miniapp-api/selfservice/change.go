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

// A ChangeInput is the citizen's first page: personal data and the old password.
type ChangeInput struct {
	IDNumber    string
	OldPassword passwd.Secret
}

// MayChange says what is against a change before its form is read.
func (s *Service) MayChange(c Caller) error { return c.unfrozen() }

// OpenChange opens a change. One that the caller had open is cancelled.
func (s *Service) OpenChange(ctx context.Context, c Caller, in ChangeInput) (store.Change, error) {
	if err := s.MayChange(c); err != nil {
		return store.Change{}, err
	}
	account, err := s.LinkedAccount(ctx, c)
	if err != nil {
		return store.Change{}, err
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
	if err := changeable(account); err != nil {
		return store.Change{}, err
	}
	change, err := s.db.OpenChange(ctx, c.Session, account, s.db.PasswordFingerprints(account, in.OldPassword.Normalised())[0])
	switch {
	case errors.Is(err, store.ErrConflict):
		return store.Change{}, ErrChangeInProgress
	case errors.Is(err, store.ErrNotFound):
		return store.Change{}, ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return store.Change{}, s.whyBlocked(ctx, account.ID, changeable, ErrChangeGone)
	}
	return change, err
}

// document checks the form before anything is charged: a slip of the finger
// that a check digit finds costs no attempt.
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

// changeable says why an account's password cannot be changed here.
func changeable(a store.Account) error {
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

// ConfirmChange is the second page: the new password twice. A repeated confirm
// gets the first answer.
func (s *Service) ConfirmChange(ctx context.Context, c Caller, id uuid.UUID, in NewPassword) (Done, error) {
	change, err := s.db.Change(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		return Done{}, ErrChangeGone
	} else if err != nil {
		return Done{}, err
	}
	account, err := s.db.LinkedAccount(ctx, change.AccountID)
	if err != nil {
		return Done{}, err
	}
	fingerprints := s.db.PasswordFingerprints(account, in.Password.Normalised())
	if change.Repeats(fingerprints...) && in.agrees() {
		return s.withNotice(ctx, c, changeDone(change), nil)
	}
	if change.State != store.ChangeOpen {
		return Done{}, ErrChangeGone
	}
	return s.setPassword(ctx, c, in, procedure{
		account: account, fingerprints: fingerprints, same: change.Replaces(fingerprints...), typed: true,
		write: func(ctx context.Context, n store.NewPassword) (Done, error) {
			done, err := s.db.FinishChange(ctx, c.Session, store.Confirm{Change: change, Hash: n.Hash, Fingerprint: n.Fingerprint})
			return changeDone(done), err
		},
		lost: func(ctx context.Context) error {
			_, err := s.db.CancelChange(ctx, c.Session, id)
			return closedFor(err, ErrChangeGone)
		},
		refused: func(ctx context.Context) error { // the citizen types on
			_, err := s.db.RenewChange(ctx, c.Session, id)
			return err
		},
		allowed: changeable, gone: ErrChangeGone,
		late: []*Error{ErrPasswordReused}, // by this very change
		finished: func(ctx context.Context) (Done, error) {
			change, err := s.db.Change(ctx, c.Session, id)
			if err == nil && !change.Repeats(fingerprints...) {
				err = store.ErrNotFound
			}
			return changeDone(change), err
		},
	})
}

func changeDone(c store.Change) Done {
	return Done{ID: c.ID, State: c.State, ChangedAt: c.ClosedAt, SessionsEnded: c.SessionsEnded}
}

// Change returns a change and renews it while it is open. Unknown and somebody else's look alike.
func (s *Service) Change(ctx context.Context, c Caller, id uuid.UUID) (store.Change, error) {
	change, err := s.db.RenewChange(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Change{ID: id, State: store.ChangeUnknown}, s.WhileMoved(ctx, c)
	}
	return change, err
}

// CancelChange closes an open change without an effect.
func (s *Service) CancelChange(ctx context.Context, c Caller, id uuid.UUID) (store.Change, error) {
	change, err := s.db.CancelChange(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		return store.Change{}, ErrChangeGone
	}
	return change, err
}
