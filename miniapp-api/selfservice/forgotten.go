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

// A forgottenStep is what the ticket of StartForgotten seals. It is equally long for everyone.
type forgottenStep struct {
	Account uuid.UUID `json:"a"` // zero: the centre has no account for name and document
	Person  []byte    `json:"p"`
	Version string    `json:"v"` // 20 digits
	Code    uuid.UUID `json:"c"`
	At      int64     `json:"t"` // in microseconds
}

const forgottenPurpose = "forgotten password"

func versionOf(a store.Account) string { return fmt.Sprintf("%020d", a.Version) }

// StartForgotten sends a code to the phone on file of a person who has no session and has
// forgotten the password. The answer is the same for everyone, without the phone, and so is
// that to a wrong code.
func (s *Service) StartForgotten(ctx context.Context, c Caller, in PersonInput) (SignInStep, error) {
	begun := time.Now()
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
	ticket, err := s.db.SealFor(forgottenPurpose, c.Binding, forgottenStep{claimed.ID, claimed.PersonDigest, versionOf(claimed), sent.ID, s.db.Now().UnixMicro()})
	return SignInStep{ticket, sent}, err
}

// FinishForgotten opens a session for the person who gives the code, and a reset that is passed.
func (s *Service) FinishForgotten(ctx context.Context, c Caller, ticket string, code passwd.Secret, tokenDigest []byte) (Reset, error) {
	var step forgottenStep
	if err := s.db.UnsealFor(forgottenPurpose, c.Binding, ticket, &step); err != nil || s.db.Now().Sub(time.UnixMicro(step.At)) > signInStepLife {
		return Reset{}, ErrSignInGone
	}
	ctx, stop := Detached(ctx) // a code works once, so cancellation must not lose its result
	defer stop()
	claimed := store.Account{ID: step.Account, PersonDigest: step.Person}
	if err := s.checkCode(ctx, codeForReset, claimed, c.Binding, step.Code, code); err != nil {
		return Reset{}, err
	}
	a, err := s.db.LinkedAccount(ctx, step.Account)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && versionOf(a) != step.Version:
		return Reset{}, ErrSignInGone
	case err != nil:
		return Reset{}, err
	}
	return s.openProvenReset(ctx, c, a, step.Code, tokenDigest)
}

// openProvenReset opens the session and the reset of an account's holder who has used up a code.
func (s *Service) openProvenReset(ctx context.Context, c Caller, a store.Account, codeID uuid.UUID, tokenDigest []byte) (Reset, error) {
	if err := checkResettable(a); err != nil {
		return Reset{}, err
	}
	err := s.openPersonSession(ctx, c, tokenDigest, a, nil)
	if errors.Is(err, ErrSignInRefused) { // changed meanwhile
		err = ErrSignInGone
	}
	if err != nil {
		return Reset{}, err
	}
	session, err := s.db.Session(ctx, tokenDigest)
	if err != nil {
		return Reset{}, err
	}
	r, err := s.db.OpenProvenReset(ctx, session, a, codeID)
	return resetOf(r), openError(err)
}
