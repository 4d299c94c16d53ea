package selfservice

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A ResetProof says how a forgotten password can be reset online.
type ResetProof string

// The reset proofs that a centre can configure. A reset code works with both.
const (
	// ResetCertify has the provider verify the citizen's face against the centre's record.
	ResetCertify ResetProof = "certify"

	// ResetOff is for a centre without a contract for face verification.
	ResetOff ResetProof = "off"
)

// resetsPerDay limits the verifications per day of a person and of a user, each of which is
// billed.
const resetsPerDay = 3

// The reset states that the database does not store.
const (
	resetFailed  = "failed"  // the latest verification failed; the citizen may retry on the provider's page
	resetUnknown = "unknown" // does not exist or belongs to another user
)

// A Reset is a reset or recovery as the citizen sees it.
type Reset struct {
	ID        uuid.UUID
	State     string
	Page      FacePage  // the page of the face verification; zero if it has none or was returned before
	Phone     string    // to which a code was sent, masked; "" if none was sent to the linked owner or it was returned before
	ExpiresAt time.Time // while open
}

func resetOf(r store.Reset) Reset {
	reset := Reset{ID: r.ID, State: r.State}
	if r.State == store.ResetStarted || r.State == store.ResetPassed {
		reset.ExpiresAt = r.ExpiresAt
	}
	return reset
}

// OpenReset opens a reset for the linked owner, with a face verification or with a code from a
// clerk; an empty code selects the face verification. The person to verify always comes from
// the centre's record of the linked account, never from the request. It returns
// ErrResetUnavailable, ErrResetLimit, ErrResetCodeWrong or ErrChangeInProgress.
func (s *Service) OpenReset(ctx context.Context, c Caller, code passwd.Secret) (Reset, error) {
	account, err := s.LinkedAccount(ctx, c)
	if err != nil {
		return Reset{}, err
	}
	if err := checkResettable(account); err != nil {
		return Reset{}, err
	}
	if code.Empty() {
		return s.openVerification(ctx, c, account)
	}
	reset, err := s.openResetWithCode(ctx, c, account, code)
	return resetOf(reset), err
}

// checkResettable returns ErrAccountClosed or ErrAccountFrozen if the account's password cannot
// be reset. A frozen password can be reset, which undoes the freeze.
func checkResettable(a store.Account) error {
	switch {
	case a.Ended():
		return ErrAccountClosed
	case a.Status == store.StatusFrozen:
		return ErrAccountFrozen
	}
	return nil
}

func (s *Service) openVerification(ctx context.Context, c Caller, a store.Account) (Reset, error) {
	kind, err := s.faceKind(a.Person)
	if err != nil {
		return Reset{}, s.offerSMS(a, err)
	}
	start, err := s.db.ChargeReset(ctx, c.Session, resetsPerDay)
	if err != nil {
		return Reset{}, s.offerSMS(a, limitError(err, ErrResetLimit, s.db.Now()))
	}
	reset := store.Reset{ID: uuid.New(), Kind: kind, Start: start}
	page, err := s.faces.open(ctx, faceRequest{start: start, account: a, id: reset.ID, kind: kind}, func(ctx context.Context, certifyID string) (err error) {
		reset.CertifyID = certifyID
		reset, err = s.db.OpenReset(ctx, c.Session, a, reset)
		return err
	})
	switch {
	case errors.Is(err, ErrProviderRefused): // no contract, or a record that cannot be verified: a retry does not help
		return Reset{}, s.offerSMS(a, ErrResetUnavailable.WithCause(err))
	case err != nil:
		return Reset{}, openError(err)
	}
	opened := resetOf(reset)
	opened.Page = page
	return opened, nil
}

// faceKind returns the kind of face verification for this person, or ErrResetUnavailable.
func (s *Service) faceKind(p store.Person) (string, error) {
	kind, err := s.provider.FaceKind(p.IDType, p.IDNumber)
	if err != nil || s.reset == ResetOff {
		return "", ErrResetUnavailable
	}
	return kind, nil
}

// limitError returns limit with the time until midnight if err is store.ErrLimit, and err
// otherwise.
func limitError(err error, limit *Error, now time.Time) error {
	if errors.Is(err, store.ErrLimit) {
		return limit.WithRetryAfter(untilMidnight(now))
	}
	return err
}

// untilMidnight returns the seconds until midnight in Beijing, rounded up.
func untilMidnight(now time.Time) int {
	_, midnight := calendar.Day(now)
	return int(midnight.Sub(now).Seconds()) + 1
}

// Reset returns the state of a reset. While it is started, Reset asks the provider for the
// result.
func (s *Service) Reset(ctx context.Context, c Caller, id uuid.UUID) (Reset, error) {
	unknown := Reset{ID: id, State: resetUnknown}
	if c.Link == nil {
		return unknown, nil
	}
	stored, err := s.db.Reset(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		return unknown, nil
	} else if err != nil {
		return Reset{}, err
	}
	reset := resetOf(stored)
	switch result, err := s.checkIdentity(ctx, c, stored); {
	case errors.Is(err, ErrResetGone):
		return s.Reset(ctx, c, id) // it was closed meanwhile
	case err != nil:
		return Reset{}, err
	case result == FacePassed:
		reset.State = store.ResetPassed
	case result == FaceFailed:
		reset.State = resetFailed
	}
	return reset, nil
}

// checkIdentity asks the provider for the result of a started reset and stores a pass. It
// returns "" for a closed reset.
func (s *Service) checkIdentity(ctx context.Context, c Caller, r store.Reset) (FaceResult, error) {
	if r.State == store.ResetPassed {
		return FacePassed, nil
	} else if r.State != store.ResetStarted {
		return "", nil
	} else if r.Kind == store.ResetBySMS {
		return FacePending, nil // PassReset stores a right code
	}
	result, err := s.provider.FaceResult(ctx, r.Kind, r.CertifyID)
	if err != nil || result != FacePassed {
		return result, err
	}
	err = s.db.PassReset(ctx, c.Session, r)
	if errors.Is(err, store.ErrGone) {
		err = ErrResetGone
	}
	return result, err
}

// ConfirmReset sets the new password once identity is proven. A repeated confirm with the same
// password returns the first result.
func (s *Service) ConfirmReset(ctx context.Context, c Caller, id uuid.UUID, in NewPassword) (Done, error) {
	var reset store.Reset
	return s.confirm(ctx, c, in, procedure{
		id: id, closed: ErrResetGone, check: checkResettable,
		load: func(ctx context.Context) (_ progress, err error) {
			reset, err = s.db.Reset(ctx, c.Session, id)
			return progress{reset.AccountID, reset.Finished, reset.Repeats}, err
		},
		ready: func(ctx context.Context) error { return s.requirePassed(ctx, c, reset) },
		write: func(ctx context.Context, n store.NewPassword) (store.Finished, error) {
			return s.db.FinishReset(ctx, c.Session, id, n)
		},
		onConflict: func(ctx context.Context) error {
			_, err := s.CancelReset(ctx, c, id)
			return err
		},
		overtaken: []*Error{ErrResetGone, ErrPasswordSame, ErrPasswordReused},
	})
}

// requirePassed returns ErrResetGone if the reset is closed, and ErrIdentityNotProven if its
// verification was not passed.
func (s *Service) requirePassed(ctx context.Context, c Caller, r store.Reset) error {
	switch result, err := s.checkIdentity(ctx, c, r); {
	case err != nil:
		return err
	case result == "":
		return ErrResetGone
	case result != FacePassed:
		return ErrIdentityNotProven
	}
	return nil
}

// CancelReset cancels an open reset and leaves the password as it is. It returns ErrResetGone
// if the reset is not open.
func (s *Service) CancelReset(ctx context.Context, c Caller, id uuid.UUID) (Reset, error) {
	reset, err := s.db.CancelReset(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		return Reset{}, ErrResetGone
	}
	return resetOf(reset), err
}
