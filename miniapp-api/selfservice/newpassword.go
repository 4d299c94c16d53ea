package selfservice

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/keys"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A NewPassword is a new password, typed twice.
type NewPassword struct{ Password, Again passwd.Secret }

func (n NewPassword) agrees() bool { return n.Password.Equal(n.Again) }

// Done is a password that was replaced.
type Done struct {
	ID            uuid.UUID // of the change or reset
	State         string
	ChangedAt     *time.Time
	SessionsEnded int
	Notified      bool // a notice to the owner is queued, and will be sent
}

// A procedure is a change, a reset or a recovery as it was when its confirm came. What the
// three do from there on is one, see setPassword.
type procedure struct {
	account      store.Account
	fingerprints [][]byte // of the new password, see store.DB.PasswordFingerprints

	prove func(context.Context) error // what must be proven still; nil: nothing
	same  bool                        // the new password is the old one, which was typed
	typed bool                        // the old one was; else its hash is asked

	write   func(context.Context, store.NewPassword) (Done, error) // the store decides who won
	lost    func(context.Context) error                            // ends what can never succeed: the password was replaced elsewhere
	refused func(context.Context) error                            // follows a new password that is not acceptable; nil: nothing
	allowed func(store.Account) error                              // says what is against it
	gone    *Error

	late     []*Error                            // with which a confirm ends that another run of it was ahead of
	finished func(context.Context) (Done, error) // what such a run did; store.ErrNotFound: there was none
}

// setPassword replaces the password. A confirm that came too late gets the first answer,
// when another run of the same confirm has just finished the procedure.
func (s *Service) setPassword(ctx context.Context, c Caller, in NewPassword, p procedure) (Done, error) {
	done, err := s.replacePassword(ctx, c, in, p)
	if slices.ContainsFunc(p.late, func(e *Error) bool { return errors.Is(err, e) }) {
		late := err
		if done, err = p.finished(ctx); errors.Is(err, store.ErrNotFound) {
			err = late
		}
	}
	return s.withNotice(ctx, c, done, err)
}

// withNotice says whether the owner will be told.
func (s *Service) withNotice(ctx context.Context, c Caller, done Done, err error) (Done, error) {
	if err != nil {
		return Done{}, err
	}
	done.Notified = s.notifies(ctx, c)
	return done, nil
}

// replacePassword checks and hashes the new password, and lets the store decide who won.
func (s *Service) replacePassword(ctx context.Context, c Caller, in NewPassword, p procedure) (Done, error) {
	if p.prove != nil {
		if err := p.prove(ctx); err != nil {
			return Done{}, err
		}
	}
	h := s.hashing(c)
	defer h.end()
	if err := s.acceptable(ctx, h, in, p); err != nil {
		if p.refused != nil {
			err = cmp.Or(p.refused(ctx), err)
		}
		return Done{}, err
	}
	hash, err := h.last(ctx, in.Password)
	if err != nil {
		return Done{}, err
	}
	done, err := p.write(ctx, store.NewPassword{Hash: hash, Fingerprint: p.fingerprints[0]})
	switch {
	case errors.Is(err, store.ErrConflict):
		return Done{}, p.lost(ctx)
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return Done{}, p.gone
	case errors.Is(err, store.ErrBlocked):
		return Done{}, s.whyBlocked(ctx, p.account.ID, p.allowed, p.gone)
	}
	return done, err
}

// closedFor is what a caller is told whose procedure was closed for good by err, a cancel.
func closedFor(err error, gone *Error) error {
	if err != nil && !errors.Is(err, store.ErrGone) {
		return err
	}
	return gone
}

// whyBlocked says what stopped a procedure whose account was in order when it began.
func (s *Service) whyBlocked(ctx context.Context, id uuid.UUID, allowed func(store.Account) error, otherwise *Error) error {
	account, err := s.db.LinkedAccount(ctx, id)
	if err != nil {
		return err
	}
	if err := allowed(account); err != nil {
		return err
	}
	return otherwise
}

// acceptable says what is wrong with a new password.
func (s *Service) acceptable(ctx context.Context, h *hashing, in NewPassword, p procedure) error {
	switch {
	case in.Password.Empty():
		return ErrBadRequest.WithFields(FieldError{Field: "new_password", Code: "REQUIRED"})
	case !in.agrees():
		return ErrPasswordMismatch
	case p.same:
		return ErrPasswordSame
	}
	if broken := s.policy.Check(in.Password, subject(p.account)); len(broken) > 0 {
		fields := make([]FieldError, len(broken))
		for i, b := range broken {
			fields[i] = FieldError{"new_password", b.Code, b.Message}
		}
		return ErrPasswordWeak.WithFields(fields...)
	}
	if err := s.notReused(ctx, h, in.Password, p); err != nil || p.typed {
		return err
	}
	return notThePresent(ctx, h, in.Password, p.account)
}

// notReused refuses an earlier password. One that a reset replaced, which nobody typed
// then, costs a hash; where the pepper file has lost its key nobody can tell it any more.
func (s *Service) notReused(ctx context.Context, h *hashing, password passwd.Secret, p procedure) error {
	used, hashes, err := s.db.PasswordUsed(ctx, p.account, p.fingerprints, s.policy.History)
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

// notThePresent refuses the password that is to be replaced, which may be known to
// others. Nobody has just typed it, so its hash is asked.
func notThePresent(ctx context.Context, h *hashing, password passwd.Secret, a store.Account) error {
	if a.Hash == "" { // an initial one, which the policy refuses
		return nil
	}
	same, err := h.verify(ctx, a.Hash, password)
	if err == nil && same {
		err = ErrPasswordSame
	}
	return err
}
