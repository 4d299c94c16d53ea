package miniapp

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/keys"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

type openChangeRequest struct {
	IDNumber    string        `json:"id_number"`
	OldPassword passwd.Secret `json:"old_password"`
	Encrypted   *sealedForm   `json:"encrypted"` // instead of old_password
}

type changeReply struct {
	ID        uuid.UUID     `json:"id"`
	State     string        `json:"state"`
	ExpiresAt *time.Time    `json:"expires_at,omitempty"` // while open
	Replaced  *openStepView `json:"replaced,omitempty"`   // by an open: the change that it has cancelled
}

// openChange is the citizen's first page: personal data and the old password.
func (s *Server) openChange(ctx context.Context, v visit, in openChangeRequest) (changeReply, error) {
	if err := unfrozen(v); err != nil {
		return changeReply{}, err
	}
	sent, err := s.unseal(ctx, v, passwords{Present: in.OldPassword}, in.Encrypted)
	if err != nil {
		return changeReply{}, err
	}
	in.OldPassword = sent.Present
	account, err := s.db.LinkedAccount(ctx, v.Link.AccountID)
	if err != nil {
		return changeReply{}, err
	}
	doc, err := in.document(s.documents, account.Person.IDType)
	if err != nil {
		return changeReply{}, err
	}
	account, err = s.ownerGuess(ctx, v, in.OldPassword, func(a store.Account) bool {
		return bytes.Equal(s.db.PersonDigest(doc.Key()), a.PersonDigest)
	})
	if err != nil {
		return changeReply{}, err
	}
	if err := changeable(account); err != nil {
		return changeReply{}, err
	}
	change, err := s.db.OpenChange(ctx, v.Session, account, s.db.PasswordFingerprints(account, in.OldPassword.Normalised())[0])
	switch {
	case errors.Is(err, store.ErrConflict):
		return changeReply{}, ErrChangeInProgress
	case errors.Is(err, store.ErrNotFound):
		return changeReply{}, ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return changeReply{}, s.blocked(ctx, account.ID)
	case err != nil:
		return changeReply{}, err
	}
	return changeReply{ID: change.ID, State: change.State, ExpiresAt: &change.ExpiresAt, Replaced: viewOfStep(change.Replaced)}, nil
}

// document checks the form before anything is charged: a slip of the finger
// that a check digit finds costs no guess.
func (in openChangeRequest) document(known *document.List, idType string) (document.Document, error) {
	var wrong []FieldError
	doc, err := known.Parse(idType, in.IDNumber)
	if in.IDNumber == "" {
		wrong = append(wrong, FieldError{"id_number", "REQUIRED", "请输入证件号码"})
	} else {
		wrong = append(wrong, documentErrors(err)...)
	}
	if in.OldPassword.Empty() {
		wrong = append(wrong, FieldError{"old_password", "REQUIRED", "请输入原密码"})
	}
	if len(wrong) > 0 {
		return document.Document{}, ErrBadRequest.withFields(wrong...)
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

type confirmRequest struct {
	New       passwd.Secret `json:"new_password"`
	Again     passwd.Secret `json:"new_password_again"`
	Encrypted *sealedForm   `json:"encrypted"` // instead of both
}

type confirmReply struct {
	ID            uuid.UUID  `json:"id"`
	State         string     `json:"state"`
	ChangedAt     *time.Time `json:"changed_at"`
	SessionsEnded int        `json:"sessions_ended"`
	Notified      bool       `json:"notified"` // a notice to the owner is queued, and will be sent
}

func (s *Server) doneReply(ctx context.Context, v visit, c store.Change) confirmReply {
	return confirmReply{c.ID, c.State, c.ClosedAt, c.SessionsEnded, s.notifies(ctx, v)}
}

// confirmChange is the second page: the new password twice. A repeated confirm
// gets the first answer.
func (s *Server) confirmChange(ctx context.Context, v visit, in confirmRequest) (confirmReply, error) {
	sent, err := s.unseal(ctx, v, passwords{New: in.New, Again: in.Again}, in.Encrypted)
	if err != nil {
		return confirmReply{}, err
	}
	in.New, in.Again = sent.New, sent.Again
	change, err := s.db.Change(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrNotFound) {
		return confirmReply{}, ErrChangeGone
	} else if err != nil {
		return confirmReply{}, err
	}
	account, err := s.db.LinkedAccount(ctx, change.AccountID)
	if err != nil {
		return confirmReply{}, err
	}
	fingerprints := s.db.PasswordFingerprints(account, in.New.Normalised())
	if change.Repeats(fingerprints...) && in.New.Equal(in.Again) {
		return s.doneReply(ctx, v, change), nil
	}
	if change.State != store.ChangeOpen {
		return confirmReply{}, ErrChangeGone
	}
	h := s.hashing(v)
	defer h.end()
	if err := s.acceptable(ctx, h, in, change.Replaces(fingerprints...), account, fingerprints); err != nil {
		return s.unlessDone(ctx, v, fingerprints, err)
	}
	return s.finishChange(ctx, v, h, in, store.Confirm{Change: change, Fingerprint: fingerprints[0]})
}

// acceptable says what is wrong with a new password. same: it is the old one, as far as
// that was just typed.
func (s *Server) acceptable(ctx context.Context, h *hashing, in confirmRequest, same bool, a store.Account, fingerprints [][]byte) error {
	switch {
	case in.New.Empty():
		return ErrBadRequest.withFields(FieldError{"new_password", "REQUIRED", "请输入新密码"})
	case !in.New.Equal(in.Again):
		return ErrPasswordMismatch
	case same:
		return ErrPasswordSame
	}
	if broken := s.policy.Check(in.New, subject(a)); len(broken) > 0 {
		fields := make([]FieldError, len(broken))
		for i, b := range broken {
			fields[i] = FieldError{"new_password", b.Code, b.Message}
		}
		return ErrPasswordWeak.withFields(fields...)
	}
	return s.notReused(ctx, h, in.New, a, fingerprints)
}

// notReused refuses an earlier password. One that a reset replaced, which nobody typed
// then, costs a hash; where the pepper file has lost its key nobody can tell it any more.
func (s *Server) notReused(ctx context.Context, h *hashing, password passwd.Secret, a store.Account, fingerprints [][]byte) error {
	used, hashes, err := s.db.PasswordUsed(ctx, a, fingerprints, s.policy.History)
	for _, hash := range hashes {
		if err != nil || used {
			break
		}
		if used, err = h.verify(ctx, hash, password); errors.Is(err, keys.ErrUnknownPepper) {
			err = nil
		}
	}
	if err == nil && used {
		err = ErrPasswordReused
	}
	return err
}

// unlessDone answers a confirm whose password is used: by this very change,
// when another run of the same confirm has just finished it.
func (s *Server) unlessDone(ctx context.Context, v visit, fingerprints [][]byte, err error) (confirmReply, error) {
	if !errors.Is(err, ErrPasswordReused) {
		return confirmReply{}, err
	}
	change, gone := s.db.Change(ctx, v.Session, v.ID)
	switch {
	case gone != nil && !errors.Is(gone, store.ErrNotFound):
		return confirmReply{}, gone
	case gone == nil && change.Repeats(fingerprints...):
		return s.doneReply(ctx, v, change), nil
	}
	return confirmReply{}, err
}

// finishChange hashes, and lets the store decide who won.
func (s *Server) finishChange(ctx context.Context, v visit, h *hashing, in confirmRequest, c store.Confirm) (confirmReply, error) {
	var err error
	if c.Hash, err = h.last(ctx, in.New); err != nil {
		return confirmReply{}, err
	}
	done, err := s.db.FinishChange(ctx, v.Session, c)
	switch {
	case errors.Is(err, store.ErrConflict): // changed elsewhere: this change can never succeed
		if _, err := s.db.CancelChange(ctx, v.Session, c.Change.ID); err != nil && !errors.Is(err, store.ErrGone) {
			return confirmReply{}, err
		}
		return confirmReply{}, ErrChangeGone
	case errors.Is(err, store.ErrGone):
		return confirmReply{}, ErrChangeGone
	case errors.Is(err, store.ErrBlocked):
		return confirmReply{}, s.blocked(ctx, c.Change.AccountID)
	case err != nil:
		return confirmReply{}, err
	}
	return s.doneReply(ctx, v, done), nil
}

// blocked says what stopped a change whose account was in order when it began.
func (s *Server) blocked(ctx context.Context, id uuid.UUID) error {
	account, err := s.db.LinkedAccount(ctx, id)
	if err != nil {
		return err
	}
	if err := changeable(account); err != nil {
		return err
	}
	return ErrChangeGone
}

// showChange says whether it happened. Unknown and somebody else's look alike.
func (s *Server) showChange(ctx context.Context, v visit, _ none) (changeReply, error) {
	if v.ID == uuid.Nil { // the path has no id that we ever gave
		return changeReply{}, ErrNotFound
	}
	change, err := s.db.Change(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrNotFound) {
		return changeReply{ID: v.ID, State: store.ChangeUnknown}, s.renamed(ctx, v)
	} else if err != nil {
		return changeReply{}, err
	}
	return stateReply(change), nil
}

// cancelChange closes an open change without an effect.
func (s *Server) cancelChange(ctx context.Context, v visit, _ none) (changeReply, error) {
	change, err := s.db.CancelChange(ctx, v.Session, v.ID)
	if errors.Is(err, store.ErrGone) {
		return changeReply{}, ErrChangeGone
	}
	return stateReply(change), err
}

func stateReply(c store.Change) changeReply {
	reply := changeReply{ID: c.ID, State: c.State}
	if c.State == store.ChangeOpen {
		reply.ExpiresAt = &c.ExpiresAt
	}
	return reply
}
