package selfservice

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// The errors of signing in where no provider identifies the user.
var (
	// ErrSignInRefused is the same for a wrong password, an unknown person or account and a
	// lock, after the same work, so that it does not reveal which.
	ErrSignInRefused = &Error{Code: "SIGN_IN_REFUSED"}

	// ErrSignInUnknown is told only to a person who is proven by an issuer.
	ErrSignInUnknown = &Error{Code: "SIGN_IN_UNKNOWN"}

	// ErrSignInGone is the error of a step that has expired or belongs to another front end.
	ErrSignInGone = &Error{Code: "SIGN_IN_GONE"}

	// ErrSignInCode says that the password alone does not suffice and that no code can be
	// sent: the centre sends none, or has no phone of this person alone.
	ErrSignInCode = &Error{Code: "SIGN_IN_CODE_UNAVAILABLE"}
)

// A SignInInput is the form with which a person signs in: the document or the number of the
// account, or both, and the account's password. TokenDigest is the SHA-256 of the bearer token
// of the session to open. Device binds the session to a device, whose thumbprint is the caller's
// Binding; nil: to none.
type SignInInput struct {
	IDType, IDNumber, AccountNo string
	Password                    passwd.Secret
	TokenDigest                 []byte
	Device                      *Device
}

// SignedIn is the result of SignIn: the account, or the step that is missing.
type SignedIn struct {
	Account store.Account // zero while Step is not nil
	Step    *SignInStep   // nil: the session is open
}

// A SignInStep asks for the code that was sent. Ticket is for FinishSignIn.
type SignInStep struct {
	Ticket string
	Code   SentCode
}

// SignIn opens a session for the holder of an account who gives its password. The attempt is
// charged before the password is checked, in the scope of strangers. A password that is no
// secret, because it was never changed, must be changed or is frozen, needs a code to the
// phone on file, too, and so does a device that the person does not know. Every refusal is ErrSignInRefused, after the same work and a padded time,
// except that ErrTooManyRequests may name a limit of the caller's network.
func (s *Service) SignIn(ctx context.Context, c Caller, in SignInInput) (SignedIn, error) {
	begun := time.Now()
	who, err := s.readSignIn(ctx, in)
	if err != nil {
		return SignedIn{}, err
	}
	attempt, account, purpose, err := s.checkSignIn(ctx, c, who, in.Device)
	if errors.Is(err, ErrSignInRefused) {
		awaitQuantum(ctx, begun)
	}
	switch {
	case err != nil:
		return SignedIn{}, err
	case account.Ended():
		return SignedIn{}, attempt.passAfter(ctx, ErrAccountClosed)
	case purpose != "":
		return s.startSignInStep(ctx, c, account, purpose, in.Device)
	}
	err = s.openSessionOn(ctx, in.Device.signIn(false), c, in.TokenDigest, account, attempt)
	return SignedIn{Account: account}, attempt.passAfter(ctx, err)
}

// A signer is a validated form of SignIn.
type signer struct {
	person    []byte // digest, of a person who may be unknown
	accountNo string // "": the person's first account
	password  passwd.Secret
}

// readSignIn validates the form. It returns ErrBadRequest with every error.
func (s *Service) readSignIn(ctx context.Context, in SignInInput) (who signer, err error) {
	var wrong []FieldError
	if who.accountNo = document.AccountNo(in.AccountNo); len(who.accountNo) > 20 {
		wrong = append(wrong, FieldError{Field: "account_no", Code: "INVALID"})
	}
	if in.IDNumber != "" || who.accountNo == "" {
		doc, err := s.documents.ParseOn(s.db.Now(), in.IDType, in.IDNumber)
		wrong = append(wrong, documentErrors(err)...)
		if t, _ := s.documents.Type(doc.Type); t.CounterOnly {
			wrong = append(wrong, counterOnly)
		}
		who.person = s.db.PersonDigest(doc.Key())
	}
	if who.password = in.Password; who.password.Empty() {
		wrong = append(wrong, FieldError{Field: "password", Code: "REQUIRED"})
	}
	wrong = append(wrong, in.Device.check()...)
	if len(wrong) > 0 {
		return signer{}, ErrBadRequest.WithFields(wrong...)
	}
	if who.person == nil {
		who.person, err = s.db.PersonOfAccount(ctx, who.accountNo)
	}
	return who, err
}

// checkSignIn makes one attempt and returns the account whose password was right, in its
// effective state. An attempt with a password that suffices is returned to be passed with the
// session. One with a right password that needs a code, for the returned purpose, is counted
// until the code is given.
func (s *Service) checkSignIn(ctx context.Context, c Caller, who signer, device *Device) (*check, store.Account, codePurpose, error) {
	attempt, err := s.beginCheck(ctx, c, store.AttemptRequest{PersonDigest: who.person, Scope: store.PublicScope, AccountNo: who.accountNo,
		Policy: lockoutPolicy(s.policy), Record: c.Record, Source: s.spraying.source(c)})
	if err != nil {
		return nil, store.Account{}, "", err
	}
	defer attempt.end()
	if err := s.spraying.check(ctx, c, attempt.Spraying, s.db.Now()); err != nil {
		return nil, store.Account{}, "", err
	}
	begun := time.Now()
	right, upgrade, err := attempt.verify(ctx, who.password)
	if err != nil {
		return nil, store.Account{}, "", err
	}
	s.floor.observe(attempt.Attempt, time.Since(begun))
	if !right {
		if err := attempt.fail(ctx, false); err != nil {
			return nil, store.Account{}, "", err
		}
		attempt.end() // waiting needs no slot
		s.floor.await(ctx, begun)
		return nil, store.Account{}, "", ErrSignInRefused
	}
	purpose, err := s.signInCode(ctx, *attempt.Account, who.password, device)
	if err == nil && purpose != "" {
		err = attempt.fail(ctx, true)
		attempt.passed = err == nil // by FinishSignIn
	}
	if err != nil {
		return nil, store.Account{}, "", err
	}
	account, err := s.updateCredential(ctx, attempt.slot, *attempt.Account, who.password, upgrade)
	if err != nil {
		return nil, store.Account{}, "", attempt.passAfter(ctx, err)
	}
	return attempt, account, purpose, nil
}

// signInCode returns the purpose of the code that is needed beside a right password, or "".
func (s *Service) signInCode(ctx context.Context, a store.Account, password passwd.Secret, device *Device) (codePurpose, error) {
	switch {
	case a.Ended():
		return "", nil
	case effectiveState(s.policy, a, password) != store.PasswordSet:
		return codeForSignIn, nil
	case device == nil:
		return "", nil
	}
	known, err := s.db.KnowsDevice(ctx, a.PersonDigest, device.Thumbprint)
	if known || err != nil {
		return "", err
	}
	return codeForDevice, nil
}

// openPersonSession opens the session of the account's holder, and passes the attempt unless it
// is nil.
func (s *Service) openPersonSession(ctx context.Context, c Caller, tokenDigest []byte, a store.Account, attempt *check) error {
	return s.openSessionOn(ctx, nil, c, tokenDigest, a, attempt)
}

// openSessionOn is openPersonSession on a device, unless that is nil.
func (s *Service) openSessionOn(ctx context.Context, d *store.SignInDevice, c Caller, tokenDigest []byte, a store.Account, attempt *check) error {
	err := s.db.SignIn(ctx, store.SignIn{Channel: string(c.Channel), TokenDigest: tokenDigest, Account: a, Device: d, Passed: attempt.pending()})
	attempt.setPassed(err)
	switch {
	case errors.Is(err, store.ErrBlocked): // ended meanwhile
		return ErrAccountClosed
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // changed or assigned to another person meanwhile
		return ErrSignInRefused
	case errors.Is(err, store.ErrDevice): // ended meanwhile; a retry asks for a code
		return ErrBusy.WithCause(err)
	}
	return err
}

// signInStepLife is how long the code of a sign-in can be given. It is that of a code.
const signInStepLife = 5 * time.Minute

// A signInStep is what a ticket of SignInStep seals. Only the front end that gave the password
// can open it, so that a code is never accepted without the password.
type signInStep struct {
	Account uuid.UUID `json:"a"`
	Version int64     `json:"v"` // of the password that was right
	Code    uuid.UUID `json:"c"`
	At      time.Time `json:"t"`

	Purpose codePurpose `json:"p"` // of the code
	Device  *Device     `json:"d,omitempty"`
}

const signInStepPurpose = "sign-in step"

// startSignInStep sends a code to the phone on file.
func (s *Service) startSignInStep(ctx context.Context, c Caller, a store.Account, purpose codePurpose, d *Device) (SignedIn, error) {
	sent, err := s.sendCode(ctx, c, purpose, a)
	switch {
	case errors.Is(err, ErrNotOffered), errors.Is(err, ErrNoPhone):
		return SignedIn{}, ErrSignInCode.WithCause(err)
	case err != nil:
		return SignedIn{}, err
	}
	ticket, err := s.db.SealFor(signInStepPurpose, c.Binding, signInStep{a.ID, a.Version, sent.ID, s.db.Now(), purpose, d})
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Step: &SignInStep{ticket, sent}}, nil
}

// FinishSignIn opens the session for which a code was demanded. The code is checked for the
// person whose password was right.
func (s *Service) FinishSignIn(ctx context.Context, c Caller, ticket string, code passwd.Secret, tokenDigest []byte) (store.Account, error) {
	var step signInStep
	if err := s.db.UnsealFor(signInStepPurpose, c.Binding, ticket, &step); err != nil || s.db.Now().Sub(step.At) > signInStepLife {
		return store.Account{}, ErrSignInGone
	}
	a, err := s.db.LinkedAccount(ctx, step.Account)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && a.Version != step.Version:
		return store.Account{}, ErrSignInGone
	case err != nil:
		return store.Account{}, err
	}
	if err := s.checkCode(ctx, step.Purpose, a, c.Binding, step.Code, code); err != nil {
		return store.Account{}, err
	}
	if err := s.openSessionOn(ctx, step.Device.signIn(true), c, tokenDigest, a, nil); err != nil {
		return store.Account{}, err
	}
	s.forgiveAttempts(ctx, c, a.PersonDigest, step.At)
	return a, nil
}

// SignInProven opens a session for a person whom an issuer has proven, without the password. It
// returns ErrSignInUnknown if the centre has no account of this name and document.
func (s *Service) SignInProven(ctx context.Context, c Caller, p Person, tokenDigest []byte) (store.Account, error) {
	doc, err := s.documents.ParseOn(s.db.Now(), p.IDType, p.IDNumber)
	if err != nil { // no document of this centre
		return store.Account{}, ErrSignInUnknown.WithCause(err)
	}
	a, err := s.db.RecoverableAccount(ctx, s.db.PersonDigest(doc.Key()), "")
	switch {
	case err != nil:
		return store.Account{}, err
	case a == nil || !document.SameName(a.Person.Name, p.Name, doc.Kind):
		return store.Account{}, ErrSignInUnknown
	case a.Ended():
		return store.Account{}, ErrAccountClosed
	}
	err = s.openPersonSession(ctx, c, tokenDigest, *a, nil)
	if errors.Is(err, ErrSignInRefused) { // changed meanwhile; a retry reads it again
		err = ErrBusy.WithCause(err)
	}
	return *a, err
}

// forgiveAttempts resets the strangers' attempts at a person who has given the code after the
// password, and undoes the spray count.
func (s *Service) forgiveAttempts(ctx context.Context, c Caller, person []byte, at time.Time) {
	err := s.db.ResetAttempts(ctx, person, store.PublicScope)
	err = cmp.Or(err, s.db.UndoSprayCount(ctx, s.spraying.source(c), person, at))
	s.logNotReset(ctx, err)
}
