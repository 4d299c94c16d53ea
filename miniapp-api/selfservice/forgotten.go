package selfservice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A forgottenStep is what the ticket of StartForgotten seals. It is equally long for
// everyone who names a device alike, because the length of a ticket can be seen.
type forgottenStep struct {
	Account uuid.UUID `json:"a"` // zero: the centre has no account for name and document
	Person  []byte    `json:"p"`
	Version string    `json:"v"` // 20 digits
	Code    uuid.UUID `json:"c"`
	At      int64     `json:"t"` // in microseconds
	Device  *Device   `json:"d,omitempty"`
}

const forgottenPurpose = "forgotten password"

func versionOf(a store.Account) string { return fmt.Sprintf("%020d", a.Version) }

// StartForgotten sends a code to the phone on file of a person who has no session and has
// forgotten the password. Device is the one to sign in on; nil: none. The answer is the same for
// everyone, without the phone, and so is that to a wrong code.
func (s *Service) StartForgotten(ctx context.Context, c Caller, in PersonInput, device *Device) (SignInStep, error) {
	begun := time.Now()
	if wrong := device.check(); len(wrong) > 0 {
		return SignInStep{}, ErrBadRequest.WithFields(wrong...)
	}
	who, claimed, err := s.readClaim(c, in)
	if err != nil {
		return SignInStep{}, err
	}
	if claimed, err = s.matchClaim(ctx, who, claimed); err != nil {
		return SignInStep{}, err
	}
	sent, err := s.sendCodeToClaimed(ctx, c, codeForReset, claimed)
	awaitQuantum(ctx, begun)
	if err != nil {
		return SignInStep{}, err
	}
	ticket, err := s.db.SealFor(forgottenPurpose, c.Binding, forgottenStep{claimed.ID, claimed.PersonDigest, versionOf(claimed), sent.ID, s.db.Now().UnixMicro(), device})
	return SignInStep{ticket, sent}, err
}

// FinishForgotten opens a session for the person who gives the code, and a reset that is passed.
// The device of the step, if any, is known then: whoever sets a new password with this phone can
// add a device with it, too. FinishForgotten returns ErrSignInGone if the password was replaced
// since the code was sent: what the code was to replace is gone.
func (s *Service) FinishForgotten(ctx context.Context, c Caller, ticket string, code passwd.Secret, tokenDigest []byte) (store.Account, Reset, error) {
	var step forgottenStep
	if err := s.db.UnsealFor(forgottenPurpose, c.Binding, ticket, &step); err != nil || s.db.Now().Sub(time.UnixMicro(step.At)) > signInStepLife {
		return store.Account{}, Reset{}, ErrSignInGone
	}
	ctx, stop := Detached(ctx) // a code works once, so cancellation must not lose its result
	defer stop()
	claimed := store.Account{ID: step.Account, PersonDigest: step.Person}
	if err := s.checkCode(ctx, codeForReset, claimed, c.Binding, step.Code, code); err != nil {
		return store.Account{}, Reset{}, err
	}
	a, err := s.db.LinkedAccount(ctx, step.Account)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && versionOf(a) != step.Version:
		return store.Account{}, Reset{}, ErrSignInGone
	case err != nil:
		return store.Account{}, Reset{}, err
	}
	reset, err := s.openProvenReset(ctx, c, a, step, tokenDigest)
	return a, reset, err
}

// openProvenReset opens the session and the reset of an account's holder who has used up the
// code of the step.
func (s *Service) openProvenReset(ctx context.Context, c Caller, a store.Account, step forgottenStep, tokenDigest []byte) (Reset, error) {
	if err := checkResettable(a); err != nil {
		return Reset{}, err
	}
	err := s.openSessionOn(ctx, step.Device.signIn(true), c, tokenDigest, a, nil)
	if errors.Is(err, ErrSignInRefused) { // changed meanwhile
		err = ErrSignInGone
	}
	if err != nil {
		return Reset{}, err
	}
	session, err := s.db.OpenedSession(ctx, tokenDigest, step.Device.thumbprint())
	if err != nil {
		return Reset{}, err
	}
	r, err := s.db.OpenProvenReset(ctx, session, a, step.Code)
	return resetOf(r), openError(err)
}
