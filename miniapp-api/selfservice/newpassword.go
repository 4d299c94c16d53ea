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

func (n NewPassword) match() bool { return n.Password.Equal(n.Again) }

// Done is the result of a change, reset or recovery that replaced the password.
type Done struct {
	ID            uuid.UUID // of the change or reset
	State         string
	ChangedAt     *time.Time
	SessionsEnded int
	Notified      bool // a notice to the owner is queued, and will be sent
}

// A procedure is a change, reset or recovery at its confirmation. All three replace the password
// in the same way.
type procedure struct {
	id     uuid.UUID
	closed *Error                    // the error of one that cannot be confirmed any more
	check  func(store.Account) error // checks the account's state

	account      store.Account // this and the next are set by confirm
	fingerprints [][]byte      // of the new password, see store.DB.PasswordFingerprints

	load     func(context.Context) (progress, error) // for confirm
	ready    func(context.Context) error             // returns an error if it is closed or not proven; nil if that is checked already
	replaces func(fingerprints ...[]byte) bool       // whether the new password is the old one that was typed; nil: its hash is compared
	refused  func(context.Context) error             // called after a new password was refused; may be nil

	write      func(context.Context, store.NewPassword) (store.Finished, error) // the store decides between concurrent requests
	onConflict func(context.Context) error                                      // called if the password was replaced elsewhere; closed if it returns nil
	overtaken  []*Error                                                         // errors of a confirm that another run of it has overtaken
}

// A progress says how far a change or reset has come.
type progress struct {
	accountID uuid.UUID
	finished  store.Finished
	repeats   func(fingerprints ...[]byte) bool // whether a password with one of them finished it
}

// confirm finishes a change or reset. If an earlier run of the same confirm has finished it, or
// another one that overtook this, confirm returns the result of that run.
func (s *Service) confirm(ctx context.Context, c Caller, in NewPassword, p procedure) (Done, error) {
	first, err := p.load(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Done{}, p.closed
	case err != nil:
		return Done{}, err
	}
	if p.account, err = s.db.LinkedAccount(ctx, first.accountID); err != nil {
		return Done{}, err
	}
	p.fingerprints = s.db.PasswordFingerprints(p.account, in.Password.Normalised())
	if first.repeats(p.fingerprints...) && in.match() {
		return s.done(ctx, c, p.id, first.finished, nil)
	}
	finished, err := s.replacePassword(ctx, c, in, p)
	if slices.ContainsFunc(p.overtaken, func(e *Error) bool { return errors.Is(err, e) }) {
		finished, err = p.firstResult(ctx, in, err)
	}
	return s.done(ctx, c, p.id, finished, err)
}

// firstResult returns the result of the run that overtook this one, or late if there is none.
func (p procedure) firstResult(ctx context.Context, in NewPassword, late error) (store.Finished, error) {
	first, err := p.load(ctx)
	if errors.Is(err, store.ErrNotFound) || err == nil && !(first.repeats(p.fingerprints...) && in.match()) {
		err = late
	}
	return first.finished, err
}

// done returns the result of a procedure, and whether the owner will be notified, unless err is
// not nil.
func (s *Service) done(ctx context.Context, c Caller, id uuid.UUID, f store.Finished, err error) (Done, error) {
	if err != nil {
		return Done{}, err
	}
	return Done{ID: id, State: store.ChangeDone, ChangedAt: f.ClosedAt, SessionsEnded: f.SessionsEnded, Notified: s.notifies(ctx, c)}, nil
}

// replacePassword checks and hashes the new password and stores it.
func (s *Service) replacePassword(ctx context.Context, c Caller, in NewPassword, p procedure) (store.Finished, error) {
	if p.ready != nil {
		if err := p.ready(ctx); err != nil {
			return store.Finished{}, err
		}
	}
	h := newHashing(s.hasher, c)
	defer h.end()
	if err := s.checkNewPassword(ctx, h, in, p); err != nil {
		if p.refused != nil {
			err = cmp.Or(p.refused(ctx), err)
		}
		return store.Finished{}, err
	}
	hash, err := h.hashAndRelease(ctx, in.Password)
	if err != nil {
		return store.Finished{}, err
	}
	finished, err := p.write(ctx, store.NewPassword{Hash: hash, Fingerprint: p.fingerprints[0]})
	switch {
	case errors.Is(err, store.ErrConflict):
		err = cmp.Or(p.onConflict(ctx), error(p.closed))
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		err = p.closed
	case errors.Is(err, store.ErrBlocked):
		err = s.blockedError(ctx, p.account.ID, p.check, p.closed)
	}
	return finished, err
}

// blockedError returns why the account no longer permits a procedure, or otherwise if it does.
func (s *Service) blockedError(ctx context.Context, id uuid.UUID, check func(store.Account) error, otherwise *Error) error {
	account, err := s.db.LinkedAccount(ctx, id)
	if err != nil {
		return err
	}
	if err := check(account); err != nil {
		return err
	}
	return otherwise
}

// checkNewPassword returns an error if the new password is missing, mistyped, weak or was used
// before.
func (s *Service) checkNewPassword(ctx context.Context, h *hashing, in NewPassword, p procedure) error {
	switch {
	case in.Password.Empty():
		return ErrBadRequest.WithFields(FieldError{Field: "new_password", Code: "REQUIRED"})
	case !in.match():
		return ErrPasswordMismatch
	case p.replaces != nil && p.replaces(p.fingerprints...):
		return ErrPasswordSame
	}
	if broken := s.policy.Check(in.Password, subject(p.account)); len(broken) > 0 {
		fields := make([]FieldError, len(broken))
		for i, b := range broken {
			fields[i] = FieldError{"new_password", b.Code, b.Message}
		}
		return ErrPasswordWeak.WithFields(fields...)
	}
	if err := s.checkReuse(ctx, h, in.Password, p); err != nil || p.replaces != nil {
		return err
	}
	return checkNotCurrent(ctx, h, in.Password, p.account)
}

// checkReuse returns ErrPasswordReused for an earlier password. It compares fingerprints; a
// password that was replaced by a reset has none, so its hash is verified. A hash whose pepper
// key is lost is skipped.
func (s *Service) checkReuse(ctx context.Context, h *hashing, password passwd.Secret, p procedure) error {
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

// checkNotCurrent returns ErrPasswordSame for the current password, which others may know. The
// caller has not typed it, so its hash is verified.
func checkNotCurrent(ctx context.Context, h *hashing, password passwd.Secret, a store.Account) error {
	if a.Hash == "" { // an initial password, which the policy refuses
		return nil
	}
	same, err := h.verify(ctx, a.Hash, password)
	if err == nil && same {
		err = ErrPasswordSame
	}
	return err
}
