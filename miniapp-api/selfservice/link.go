package selfservice

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// Link ties the caller to the fund account they prove to be theirs: by the password, and
// by what the centre accepts beside it. Whatever fails, a stranger gets one answer, after
// the same work. Who has the password but no proof yet is asked for one.
func (s *Service) Link(ctx context.Context, c Caller, in LinkInput) (store.Account, error) {
	begun := time.Now()
	who, err := s.readApplicant(in)
	if err != nil {
		return store.Account{}, err
	}
	if c.Link != nil && (in.FaceFirst || !c.IsRetry || !s.isLinkedPerson(c, who)) {
		return store.Account{}, ErrAlreadyLinked
	}
	agreed, err := s.agreed(ctx, c)
	if err != nil {
		return store.Account{}, err
	}
	if in.FaceFirst {
		return store.Account{}, s.askFaceFirst(ctx, c, who, agreed)
	}
	found, err := s.verifyApplicant(ctx, c, who, agreed)
	if who.takeOver && c.IsRetry && errors.Is(err, errFaceUsed) {
		return s.resumeTransferOf(ctx, c, who.faceID)
	}
	if err == nil && found.outcome() == outcomeNeedsProof {
		err = s.askProof(ctx, c, found, agreed, who.chosen)
	}
	if errors.Is(err, ErrLinkRefused) {
		awaitQuantum(ctx, begun)
	}
	if err != nil {
		return store.Account{}, found.attempt.passAfter(ctx, s.offerFaceFirst(who, err))
	}
	account, err := s.writeLink(ctx, c, found)
	return account, found.attempt.passAfter(ctx, err)
}

// verifyApplicant collects the proof inputs, then checks the password or the reset code. It
// returns a candidate that is accepted or needs a proof, or ErrLinkRefused.
func (s *Service) verifyApplicant(ctx context.Context, c Caller, who applicant, agreed consents) (found candidate, err error) {
	inputs, err := s.collectProofInputs(ctx, c, who, agreed)
	if err != nil {
		return candidate{}, err
	}
	if who.code != "" {
		found, err = s.verifyCode(ctx, c, who, inputs)
	} else {
		found, err = s.verifyPassword(ctx, c, who, inputs)
	}
	if err == nil && found.account.Ended() {
		err = ErrAccountClosed // before a proof is asked for, which may cost
	}
	found.takeOver = who.takeOver
	return found, err
}

// verifyPassword reserves an attempt at the claimed person's password and checks it. Every
// way to fail is ErrLinkRefused and does the same work.
func (s *Service) verifyPassword(ctx context.Context, c Caller, who applicant, inputs proofInputs) (candidate, error) {
	attempt, err := s.reserveAttempt(ctx, c, who, inputs)
	if err != nil {
		return candidate{}, err
	}
	defer attempt.end()
	begun := time.Now()
	right, upgrade, err := attempt.try(ctx, who.password)
	if err != nil {
		return candidate{}, err
	}
	s.floor.observe(attempt.Attempt, time.Since(begun))
	var found candidate
	if a := attempt.Account; right && document.SameName(a.Person.Name, who.name, who.doc.Kind) && a.State != store.PasswordFrozen {
		found = s.selectProof(*a, s.effectiveState(*a, who.password), inputs)
	}
	if found.outcome() == outcomeAccepted {
		found.attempt = attempt // passed with the link
	} else if err := attempt.fail(ctx, found.outcome() == outcomeNeedsProof); err != nil {
		return candidate{}, err
	}
	if found.outcome() == outcomeRefused {
		attempt.end() // waiting needs no place
		if err := s.tellOwner(attempt.Attempt, inputs); err != nil {
			return candidate{}, err
		}
		s.floor.await(ctx, begun)
		return candidate{}, ErrLinkRefused
	}
	found.account, err = s.settlePassword(ctx, attempt.slot, found.account, who.password, upgrade)
	return found, err
}

// reserveAttempt charges an attempt at the claimed person, and at the caller unless they
// are proven to be the person. The caller of it ends the check.
func (s *Service) reserveAttempt(ctx context.Context, c Caller, who applicant, inputs proofInputs) (*check, error) {
	req := store.AttemptRequest{PersonDigest: s.db.PersonDigest(who.doc.Key()), Scope: inputs.scope, AccountNo: who.accountNo,
		Policy: s.lockoutPolicy(), Record: c.Record}
	if !inputs.verified() {
		req.Source = s.unverifiedSource(c)
	}
	attempt, err := s.beginCheck(ctx, c, req)
	if err != nil {
		return nil, err
	}
	if err := s.checkSpraying(ctx, c, attempt.Spraying); err != nil {
		attempt.end()
		return nil, err
	}
	return attempt, nil
}

// tellOwner tells somebody who is proven to be the person that they are locked, and until
// when, or that attempts of theirs wait and may be right ones. A stranger, and who has no
// account, learns nothing.
func (s *Service) tellOwner(attempt store.Attempt, inputs proofInputs) error {
	if inputs.verified() && attempt.Crowded {
		return ErrBusy.WithRetryAfter(1)
	}
	if !inputs.verified() || attempt.Account == nil || attempt.LockedUntil == nil {
		return nil
	}
	return ErrPasswordLocked.withLock(*attempt.LockedUntil, s.db.Now())
}

// effectiveState is PasswordMustChange for a chosen password that everybody could derive:
// it takes the proof of those.
func (s *Service) effectiveState(a store.Account, password passwd.Secret) string {
	if a.State == store.PasswordSet && s.derived(a, password) {
		return store.PasswordMustChange
	}
	return a.State
}

// responseQuantum is the time of which refusals of a link take a multiple. Whatever the
// reason, the work is one hash and the same statements; what is left of a difference, a
// row found or not, is some hundred microseconds and is rounded up to the same multiple.
// Timers run late by a part of a millisecond that depends on when they were set, so a
// random time is added.
const responseQuantum = 50 * time.Millisecond

// awaitQuantum waits until the time since begun is a multiple of responseQuantum, and a
// random time more.
func awaitQuantum(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(responseQuantum - time.Since(begun)%responseQuantum + rand.N(responseQuantum/2)):
	case <-ctx.Done():
	}
}

// writeLink writes the link to an accepted candidate, or requests the link that another
// user has. It uses up a face that was shown first.
func (s *Service) writeLink(ctx context.Context, c Caller, found candidate) (store.Account, error) {
	if found.by == ProofNone && found.account.State == store.PasswordInitial {
		if err := s.db.MustChange(ctx, found.account); err != nil {
			return store.Account{}, err
		}
		found.account.State = store.PasswordMustChange
	}
	err := s.addLink(ctx, c, found)
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.alreadyLinked(ctx, c, found)
	case errors.Is(err, store.ErrBlocked): // ended a moment ago
		return store.Account{}, ErrAccountClosed
	case errors.Is(err, store.ErrNotFound): // given to another person a moment ago
		return store.Account{}, ErrLinkRefused
	case errors.Is(err, store.ErrGone) && found.face != nil:
		return store.Account{}, ErrLinkGone
	case errors.Is(err, store.ErrGone):
		return store.Account{}, ErrSessionExpired
	case err != nil:
		return store.Account{}, err
	}
	return found.account, nil
}

// addLink writes the link and passes the attempt in one transaction.
func (s *Service) addLink(ctx context.Context, c Caller, found candidate) error {
	var err error
	if found.face == nil {
		err = s.db.AddLink(ctx, c.Session, found.account, found.attempt.pending())
	} else {
		err = s.db.FinishLink(ctx, c.Session, found.account, *found.face, found.attempt.pending())
	}
	found.attempt.settled(err)
	return err
}

// LinkedAccount returns the account that the caller is linked to.
func (s *Service) LinkedAccount(ctx context.Context, c Caller) (store.Account, error) {
	return s.db.LinkedAccount(ctx, c.Link.AccountID)
}

// Unlink removes the link, against the password: a borrowed phone must not be enough.
func (s *Service) Unlink(ctx context.Context, c Caller, password passwd.Secret) error {
	switch {
	case c.Link == nil && c.IsRetry:
		return nil // it happened, and the answer was lost
	case c.Link == nil:
		return ErrNotLinked
	case password.Empty():
		return ErrBadRequest.WithFields(FieldError{Field: "password", Code: "REQUIRED"})
	}
	if err := c.unfrozen(); err != nil {
		return err
	}
	if _, err := s.ownerAttempt(ctx, c, password, func(store.Account) bool { return true }); err != nil {
		return err
	}
	err := s.db.RemoveLink(ctx, c.Session)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNotLinked
	case errors.Is(err, store.ErrBlocked):
		return ErrPasswordFrozen
	}
	return err
}
