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

// A ResetProof says how a forgotten password is reset online.
type ResetProof string

// Ways a centre can configure. A reset code works with both.
const (
	// ResetCertify has the provider verify the citizen's face against the centre's record.
	ResetCertify ResetProof = "certify"

	// ResetOff is for a centre that has no contract for it.
	ResetOff ResetProof = "off"
)

// resetsADay is how many verifications a person, and a user, may start on a
// day: each is billed.
const resetsADay = 3

// Reset states only the API knows.
const (
	resetFailed  = "failed"  // the provider's latest answer was no; the citizen may try again on its page
	resetUnknown = "unknown" // never there, or not this session's
)

// A Reset is a reset as its citizen sees it.
type Reset struct {
	ID        uuid.UUID
	State     string
	Page      FacePage  // where the face is shown, once; zero: nowhere
	ExpiresAt time.Time // while open
}

func resetOf(r store.Reset) Reset {
	reset := Reset{ID: r.ID, State: r.State}
	if r.State == store.ResetStarted || r.State == store.ResetPassed {
		reset.ExpiresAt = r.ExpiresAt
	}
	return reset
}

// OpenReset begins the way back in for the linked owner: through a face verification, or
// with the code a clerk gave them, which is empty otherwise. Who is to be verified is the
// centre's record of the linked account, never what a front end says.
func (s *Service) OpenReset(ctx context.Context, c Caller, code passwd.Secret) (Reset, error) {
	account, err := s.LinkedAccount(ctx, c)
	if err != nil {
		return Reset{}, err
	}
	if err := resettable(account); err != nil {
		return Reset{}, err
	}
	if code.Empty() {
		return s.openVerification(ctx, c, account)
	}
	reset, err := s.openResetWithCode(ctx, c, account, code)
	return resetOf(reset), err
}

// resettable says why an account's password cannot be reset. A frozen password can:
// proven identity is the way back from "不是我".
func resettable(a store.Account) error {
	switch {
	case a.Ended():
		return ErrAccountClosed
	case a.Status == store.StatusFrozen:
		return ErrAccountFrozen
	}
	return nil
}

func (s *Service) openVerification(ctx context.Context, c Caller, a store.Account) (Reset, error) {
	kind, err := s.verification(a.Person)
	if err != nil {
		return Reset{}, err
	}
	start, err := s.db.ChargeReset(ctx, c.Session, resetsADay)
	switch {
	case errors.Is(err, store.ErrLimit):
		return Reset{}, ErrResetLimit.WithRetryAfter(untilMidnight(s.db.Now()))
	case err != nil:
		return Reset{}, err
	}
	reset := store.Reset{ID: uuid.New(), Kind: kind, Start: start}
	page, err := s.openFace(ctx, face{start: start, account: a, id: reset.ID, kind: kind}, func(ctx context.Context, certifyID string) (err error) {
		reset.CertifyID = certifyID
		reset, err = s.db.OpenReset(ctx, c.Session, a, reset)
		return err
	})
	switch {
	case errors.Is(err, ErrProviderRefused): // no contract, or a record that cannot be verified: time heals neither
		return Reset{}, ErrResetUnavailable.Because(err)
	case err != nil:
		return Reset{}, openResetError(err)
	}
	opened := resetOf(reset)
	opened.Page = page
	return opened, nil
}

// verification is the kind of face verification for this person, or ErrResetUnavailable.
func (s *Service) verification(p store.Person) (string, error) {
	kind, err := s.provider.FaceKind(p.IDType, p.IDNumber)
	if err != nil || s.reset == ResetOff {
		return "", ErrResetUnavailable
	}
	return kind, nil
}

func openResetError(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return ErrChangeInProgress
	case errors.Is(err, store.ErrNotFound):
		return ErrNotLinked
	}
	return err
}

// untilMidnight is how many seconds are left of the day in Beijing, rounded up.
func untilMidnight(now time.Time) int {
	_, midnight := calendar.Day(now)
	return int(midnight.Sub(now).Seconds()) + 1
}

// Reset says how far a reset is, and asks the provider while identity is not proven.
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
		return s.Reset(ctx, c, id) // it was closed while the provider was asked
	case err != nil:
		return Reset{}, err
	case result == FacePassed:
		reset.State = store.ResetPassed
	case result == FaceFailed:
		reset.State = resetFailed
	}
	return reset, nil
}

// checkIdentity asks the provider, while a reset is started, whether its person is who
// they say, and keeps a yes. The result of a reset that is closed is "".
func (s *Service) checkIdentity(ctx context.Context, c Caller, r store.Reset) (FaceResult, error) {
	if r.State == store.ResetPassed {
		return FacePassed, nil
	} else if r.State != store.ResetStarted {
		return "", nil
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

// ConfirmReset takes the new password twice, once identity is proven. A repeated
// confirm gets the first answer.
func (s *Service) ConfirmReset(ctx context.Context, c Caller, id uuid.UUID, in NewPassword) (Done, error) {
	reset, err := s.db.Reset(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		return Done{}, ErrResetGone
	} else if err != nil {
		return Done{}, err
	}
	account, err := s.db.LinkedAccount(ctx, reset.AccountID)
	if err != nil {
		return Done{}, err
	}
	fingerprints := s.db.PasswordFingerprints(account, in.Password.Normalised())
	if reset.Repeats(fingerprints...) && in.agrees() {
		return s.withNotice(ctx, c, resetDone(reset), nil)
	}
	return s.setPassword(ctx, c, in, procedure{
		account: account, fingerprints: fingerprints,
		prove: func(ctx context.Context) error { return s.mustBePassed(ctx, c, reset) },
		write: func(ctx context.Context, n store.NewPassword) (Done, error) {
			n.Reset = reset
			done, err := s.db.FinishReset(ctx, c.Session, n)
			return resetDone(done), err
		},
		lost: func(ctx context.Context) error {
			_, err := s.db.CancelReset(ctx, c.Session, id)
			return closedFor(err, ErrResetGone)
		},
		allowed: resettable, gone: ErrResetGone,
		late: []*Error{ErrResetGone, ErrPasswordSame, ErrPasswordReused},
		finished: func(ctx context.Context) (Done, error) {
			reset, err := s.db.Reset(ctx, c.Session, id)
			if err == nil && !reset.Repeats(fingerprints...) {
				err = store.ErrNotFound
			}
			return resetDone(reset), err
		},
	})
}

// mustBePassed says what is missing to a reset's proof.
func (s *Service) mustBePassed(ctx context.Context, c Caller, r store.Reset) error {
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

func resetDone(r store.Reset) Done {
	return Done{ID: r.ID, State: r.State, ChangedAt: r.ClosedAt, SessionsEnded: r.SessionsEnded}
}

// CancelReset closes an open reset without an effect.
func (s *Service) CancelReset(ctx context.Context, c Caller, id uuid.UUID) (Reset, error) {
	reset, err := s.db.CancelReset(ctx, c.Session, id)
	if errors.Is(err, store.ErrGone) {
		return Reset{}, ErrResetGone
	}
	return resetOf(reset), err
}
