package selfservice

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// smsRecoveriesPerPerson limits the codes that strangers can request for a person on a day, so
// that some of store.SMSCodesPerDay are left for the owner.
const smsRecoveriesPerPerson = 3

// OffersSMS reports whether the centre sends codes to the phone on file.
func (s *Service) OffersSMS() bool { return s.sms }

// offerSMS adds to an error that a code to the phone on file is possible instead of a face.
// Whether other persons have the phone, too, is found when it is requested.
func (s *Service) offerSMS(a store.Account, err error) error {
	var e *Error
	if _, ok := ownMobile(a); s.sms && ok && errors.As(err, &e) {
		return e.withSMSOffered()
	}
	return err
}

// OpenResetBySMS opens a reset for the linked owner and sends a code to the phone on file, which
// PassReset takes. It returns the errors of OpenReset, ErrNoPhone or ErrCodeLimit.
func (s *Service) OpenResetBySMS(ctx context.Context, c Caller) (Reset, error) {
	if !s.sms {
		return Reset{}, ErrResetUnavailable
	}
	account, err := s.LinkedAccount(ctx, c)
	if err != nil {
		return Reset{}, err
	}
	if err := checkResettable(account); err != nil {
		return Reset{}, err
	}
	masked, err := maskedMobile(account)
	if err != nil {
		return Reset{}, err
	}
	order := codeOrder(codeForReset, account)
	order.Event = "" // that a reset was opened says it
	r, code, err := s.db.OpenResetBySMS(ctx, c.Session, account, store.Reset{ID: uuid.New()}, order)
	if err != nil {
		return Reset{}, openError(s.codeError(err, code))
	}
	opened := resetOf(r)
	opened.Phone = masked
	return opened, nil
}

// PassReset uses up the code of a reset and returns the reset, which can then be confirmed. It
// returns ErrCodeWrong with the tries left, ErrCodeGone, or ErrResetGone if the session has no
// open reset by SMS with this id.
func (s *Service) PassReset(ctx context.Context, c Caller, id uuid.UUID, code passwd.Secret) (Reset, error) {
	if err := s.pass(ctx, c, passStep{s.db.PassResetByCode, id, codeForReset, ErrResetGone}, code); err != nil {
		return Reset{}, err
	}
	return s.Reset(ctx, c, id)
}

// OpenRecoveryBySMS is OpenRecovery with a code sent to the phone on file, which PassRecovery
// takes. The answer is the same for everyone, and so is that to a wrong code.
func (s *Service) OpenRecoveryBySMS(ctx context.Context, c Caller, in PersonInput) (Reset, error) {
	begun := time.Now()
	if !s.sms {
		return Reset{}, ErrResetUnavailable
	}
	who, claimed, err := s.readClaim(c, in)
	if err != nil {
		return Reset{}, err
	}
	if err := s.requireRecoveryConsents(ctx, c, false); err != nil {
		return Reset{}, err
	}
	if claimed, err = s.matchClaim(ctx, who, claimed); err != nil {
		return Reset{}, err
	}
	r := store.Recovery{ID: uuid.New(), PersonDigest: claimed.PersonDigest, CredentialVersion: claimed.Version,
		AccountID: uuid.NullUUID{UUID: claimed.ID, Valid: claimed.ID != uuid.Nil}}
	order := codeOrder(codeForReset, claimed)
	order.Network, order.Silent = c.Network, true
	r, code, err := s.db.OpenRecoveryBySMS(ctx, c.Session, r, order, store.StartLimit{User: linkProofsPerUser, Person: smsRecoveriesPerPerson})
	awaitQuantum(ctx, begun)
	if errors.Is(err, store.ErrConflict) { // a concurrent request has opened one
		return Reset{}, ErrBusy.WithCause(err)
	} else if err != nil {
		return Reset{}, s.codeError(err, code)
	}
	return Reset{ID: r.ID, State: r.State, ExpiresAt: r.ExpiresAt}, nil
}

// PassRecovery is PassReset for a recovery by SMS.
func (s *Service) PassRecovery(ctx context.Context, c Caller, id uuid.UUID, code passwd.Secret) (Reset, error) {
	if err := s.pass(ctx, c, passStep{s.db.PassLinkProof, id, codeForReset, ErrResetGone}, code); err != nil {
		return Reset{}, err
	}
	return s.Recovery(ctx, c, id)
}

// passLinkProof uses up the code of a link.
func (s *Service) passLinkProof(ctx context.Context, c Caller, proof store.LinkProof, code passwd.Secret) error {
	return s.pass(ctx, c, passStep{s.db.PassLinkProof, proof.ID, codeForLink, ErrLinkGone}, code)
}

// A passStep is what waits for a code.
type passStep struct {
	use     func(context.Context, store.Session, uuid.UUID, store.SMSTry) (int, error)
	id      uuid.UUID
	purpose codePurpose
	gone    *Error
}

// pass uses up the code of a step. A code works once, so a client that disconnects must not lose
// its result.
func (s *Service) pass(ctx context.Context, c Caller, p passStep, code passwd.Secret) error {
	digits, err := smsCode(code)
	if err != nil {
		return err
	}
	ctx, stop := Detached(ctx)
	defer stop()
	left, err := p.use(ctx, c.Session, p.id, store.SMSTry{Purpose: string(p.purpose), Code: digits})
	if errors.Is(err, store.ErrNotFound) {
		return p.gone
	}
	return codeVerdict(left, err)
}
