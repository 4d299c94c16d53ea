package selfservice

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// Link links the caller to the fund account whose password or reset code they give and to whose
// holder an accepted proof belongs, and returns the account. If a proof is missing it returns
// ErrLinkProofRequired with the possible ones. An unverified caller gets ErrLinkRefused for a
// wrong name, document, password or code and for a locked account, after the same work and a
// padded time, so that a refusal does not reveal whether the account exists.
func (s *Service) Link(ctx context.Context, c Caller, in LinkInput) (store.Account, error) {
	begun := time.Now()
	who, err := readApplicant(in, s.documents, s.db.Now())
	if err != nil {
		return store.Account{}, err
	}
	if c.Link != nil && (in.FaceFirst || !c.IsRetry || !bytes.Equal(who.personDigest(s.db), c.Link.PersonDigest)) {
		return store.Account{}, ErrAlreadyLinked // a request for another person is not a retry of the one that made the link
	}
	consents, err := s.consents.load(ctx, c)
	if err != nil {
		return store.Account{}, err
	}
	if in.FaceFirst {
		return store.Account{}, s.startFaceFirst(ctx, c, who, consents)
	}
	found, err := s.verifyApplicant(ctx, c, who, consents)
	if who.takeOver && c.IsRetry && errors.Is(err, errFaceUsed) {
		return s.resumeTransferByFaceID(ctx, c, who.faceID)
	}
	if err == nil && found.outcome() == outcomeNeedsProof {
		err = s.requestProof(ctx, c, found, consents, who.chosen)
	}
	if errors.Is(err, ErrLinkRefused) {
		awaitQuantum(ctx, begun)
	}
	if err != nil {
		return store.Account{}, found.attempt.passAfter(ctx, s.offerFaceFirst(ctx, c, who, err))
	}
	account, err := s.writeLink(ctx, c, found)
	return account, found.attempt.passAfter(ctx, err)
}

// verifyApplicant collects the proof inputs, then checks the password or the reset code. It
// returns a candidate that is accepted or needs a proof, or ErrLinkRefused.
func (s *Service) verifyApplicant(ctx context.Context, c Caller, who applicant, consents consentSet) (found candidate, err error) {
	inputs, err := s.collectProofInputs(ctx, c, who, consents)
	if err != nil {
		return candidate{}, err
	}
	if who.code != "" {
		found, err = s.verifyCode(ctx, c, who, inputs)
	} else {
		found, err = s.verifyPassword(ctx, c, who, inputs)
	}
	if err == nil && found.account.Ended() {
		err = ErrAccountClosed // before a proof is requested, which may be billed
	}
	found.takeOver = who.takeOver
	return found, err
}

// verifyPassword reserves an attempt at the claimed person's password and checks it. Every
// failure is ErrLinkRefused and does the same work.
func (s *Service) verifyPassword(ctx context.Context, c Caller, who applicant, inputs proofInputs) (candidate, error) {
	attempt, err := s.reserveAttempt(ctx, c, who, inputs)
	if err != nil {
		return candidate{}, err
	}
	defer attempt.end()
	begun := time.Now()
	right, upgrade, err := attempt.verify(ctx, who.password)
	if err != nil {
		return candidate{}, err
	}
	s.floor.observe(attempt.Attempt, time.Since(begun))
	var found candidate
	if a := attempt.Account; right && document.SameName(a.Person.Name, who.name, who.doc.Kind) && a.State != store.PasswordFrozen {
		found = s.selectProof(*a, effectiveState(s.policy, *a, who.password), inputs)
	}
	if found.outcome() == outcomeAccepted {
		found.attempt = attempt // passed with the link
	} else if err := attempt.fail(ctx, found.outcome() == outcomeNeedsProof); err != nil {
		return candidate{}, err
	}
	if found.outcome() == outcomeRefused {
		attempt.end() // waiting needs no slot
		if err := attempt.lockoutError(inputs); err != nil {
			return candidate{}, err
		}
		s.floor.await(ctx, begun)
		return candidate{}, ErrLinkRefused
	}
	found.account, err = s.updateCredential(ctx, attempt.slot, found.account, who.password, upgrade)
	return found, err
}

// reserveAttempt charges an attempt to the claimed person, and to the caller unless they are
// verified as that person. The caller must end the check.
func (s *Service) reserveAttempt(ctx context.Context, c Caller, who applicant, inputs proofInputs) (*check, error) {
	req := store.AttemptRequest{PersonDigest: who.personDigest(s.db), Scope: inputs.scope, AccountNo: who.accountNo,
		Policy: lockoutPolicy(s.policy), Record: c.Record}
	if !inputs.verified() {
		req.Source = s.spraying.source(c)
	}
	attempt, err := s.beginCheck(ctx, c, req)
	if err != nil {
		return nil, err
	}
	if err := s.spraying.check(ctx, c, attempt.Spraying, s.db.Now()); err != nil {
		attempt.end()
		return nil, err
	}
	return attempt, nil
}

// lockoutError returns an error only to a caller who is verified as the person:
// ErrPasswordLocked if the account is locked, or ErrBusy if concurrent attempts of theirs are
// pending. Any other caller gets nil, and so learns nothing about the account.
func (c *check) lockoutError(inputs proofInputs) error {
	if inputs.verified() && c.Crowded {
		return ErrBusy.WithRetryAfter(1)
	}
	if !inputs.verified() || c.Account == nil || c.LockedUntil == nil {
		return nil
	}
	return ErrPasswordLocked.withLock(*c.LockedUntil, c.service.db.Now())
}

// effectiveState returns PasswordMustChange for a chosen password that can be derived from the
// person's data, because such a password needs the proof of an initial one. Otherwise it
// returns the stored state.
func effectiveState(policy *passwd.Policy, a store.Account, password passwd.Secret) string {
	if a.State == store.PasswordSet && isDerivable(policy, a, password) {
		return store.PasswordMustChange
	}
	return a.State
}

// responseQuantum is the unit to which the time of a refused link is rounded up. All refusals
// do one hash and the same statements; rounding hides the remaining difference of some hundred
// microseconds, for example whether a row was found. awaitQuantum adds a random time, because
// timers are late by a fraction of a millisecond that depends on when they were set.
const responseQuantum = 50 * time.Millisecond

// awaitQuantum waits until the time since begun is a multiple of responseQuantum, plus a random
// time.
func awaitQuantum(ctx context.Context, begun time.Time) {
	select {
	case <-time.After(responseQuantum - time.Since(begun)%responseQuantum + rand.N(responseQuantum/2)):
	case <-ctx.Done():
	}
}

// writeLink writes the link of an accepted candidate. If another user is linked to the person,
// it returns the result of alreadyLinked. It uses up a face that was verified first.
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
	case errors.Is(err, store.ErrBlocked): // ended meanwhile
		return store.Account{}, ErrAccountClosed
	case errors.Is(err, store.ErrNotFound): // assigned to another person meanwhile
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
	found.attempt.setPassed(err)
	return err
}

// LinkedAccount returns the account that the caller is linked to.
func (s *Service) LinkedAccount(ctx context.Context, c Caller) (store.Account, error) {
	return s.db.LinkedAccount(ctx, c.Link.AccountID)
}

// Unlink removes the link. It requires the password, because a borrowed phone must not be
// enough. It returns ErrNotLinked, ErrPasswordFrozen, ErrOldPasswordWrong or ErrPasswordLocked.
func (s *Service) Unlink(ctx context.Context, c Caller, password passwd.Secret) error {
	switch {
	case c.Link == nil && c.IsRetry:
		return nil // the earlier run removed the link
	case c.Link == nil:
		return ErrNotLinked
	case password.Empty():
		return ErrBadRequest.WithFields(FieldError{Field: "password", Code: "REQUIRED"})
	}
	if err := c.checkNotFrozen(); err != nil {
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
