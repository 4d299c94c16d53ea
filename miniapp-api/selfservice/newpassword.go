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

// A procedure is a change, reset or recovery at its confirmation. setPassword finishes all
// three in the same way.
type procedure struct {
	account      store.Account
	fingerprints [][]byte // of the new password, see store.DB.PasswordFingerprints

	prove     func(context.Context) error // checks identity first; nil if nothing is left to prove
	sameAsOld bool                        // the new password equals the verified old one
	oldTyped  bool                        // the old password was typed; otherwise its hash is compared

	write      func(context.Context, store.NewPassword) (Done, error) // the store decides between concurrent requests
	onConflict func(context.Context) error                            // closes the procedure after the password was replaced elsewhere
	refused    func(context.Context) error                            // called after a new password was refused; may be nil
	check      func(store.Account) error                              // checks the account's state
	closed     *Error

	overtaken   []*Error                            // errors of a confirm that another run of it has overtaken
	firstResult func(context.Context) (Done, error) // the result of that run, or store.ErrNotFound
}

// setPassword replaces the password. If another run of the same confirm has just finished the
// procedure, it returns the result of that run.
func (s *Service) setPassword(ctx context.Context, c Caller, in NewPassword, p procedure) (Done, error) {
	done, err := s.replacePassword(ctx, c, in, p)
	if slices.ContainsFunc(p.overtaken, func(e *Error) bool { return errors.Is(err, e) }) {
		late := err
		if done, err = p.firstResult(ctx); errors.Is(err, store.ErrNotFound) {
			err = late
		}
	}
	return s.withNotice(ctx, c, done, err)
}

// withNotice sets Notified on done unless err is not nil.
func (s *Service) withNotice(ctx context.Context, c Caller, done Done, err error) (Done, error) {
	if err != nil {
		return Done{}, err
	}
	done.Notified = s.notifies(ctx, c)
	return done, nil
}

// replacePassword checks and hashes the new password and stores it.
func (s *Service) replacePassword(ctx context.Context, c Caller, in NewPassword, p procedure) (Done, error) {
	if p.prove != nil {
		if err := p.prove(ctx); err != nil {
			return Done{}, err
		}
	}
	h := s.newHashing(c)
	defer h.end()
	if err := s.checkNewPassword(ctx, h, in, p); err != nil {
		if p.refused != nil {
			err = cmp.Or(p.refused(ctx), err)
		}
		return Done{}, err
	}
	hash, err := h.hashAndRelease(ctx, in.Password)
	if err != nil {
		return Done{}, err
	}
	done, err := p.write(ctx, store.NewPassword{Hash: hash, Fingerprint: p.fingerprints[0]})
	switch {
	case errors.Is(err, store.ErrConflict):
		return Done{}, p.onConflict(ctx)
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return Done{}, p.closed
	case errors.Is(err, store.ErrBlocked):
		return Done{}, s.blockedError(ctx, p.account.ID, p.check, p.closed)
	}
	return done, err
}

// cancelError returns gone if a cancel succeeded or the procedure was closed already, and err
// otherwise.
func cancelError(err error, gone *Error) error {
	if err != nil && !errors.Is(err, store.ErrGone) {
		return err
	}
	return gone
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
	case p.sameAsOld:
		return ErrPasswordSame
	}
	if broken := s.policy.Check(in.Password, subject(p.account)); len(broken) > 0 {
		fields := make([]FieldError, len(broken))
		for i, b := range broken {
			fields[i] = FieldError{"new_password", b.Code, b.Message}
		}
		return ErrPasswordWeak.WithFields(fields...)
	}
	if err := s.checkReuse(ctx, h, in.Password, p); err != nil || p.oldTyped {
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
