package selfservice

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// OpenRecovery starts a recovery for a citizen who has forgotten the password and is not
// linked. After the face verification, ConfirmRecovery links them and sets a new password.
//
// If name and document match an account, the provider verifies the centre's record, otherwise
// the form. The answer is therefore the same for everyone, and only a citizen who has passed
// learns whether an account exists. Its time is padded to the response quantum.
func (s *Service) OpenRecovery(ctx context.Context, c Caller, in PersonInput) (Reset, error) {
	begun := time.Now()
	who, claimed, err := s.readClaim(c, in)
	if err != nil {
		return Reset{}, err
	}
	kind, err := s.faceKind(claimed.Person)
	if err != nil {
		return Reset{}, err
	}
	if err := s.requireRecoveryConsents(ctx, c, true); err != nil {
		return Reset{}, err
	}
	if claimed, err = s.matchClaim(ctx, who, claimed); err != nil {
		return Reset{}, err
	}
	r, page, err := s.startRecovery(ctx, c, claimed, kind)
	awaitQuantum(ctx, begun)
	if errors.Is(err, ErrProviderRefused) { // the provider says that name and number do not match; the start stays charged
		return Reset{}, ErrLinkRefused.WithCause(err)
	} else if err != nil {
		return Reset{}, err
	}
	return Reset{ID: r.ID, State: r.State, Page: page, ExpiresAt: r.ExpiresAt}, nil
}

// readClaim returns the person that a caller claims to be, without an account. It returns
// ErrBadRequest with every error, or ErrAlreadyLinked.
func (s *Service) readClaim(c Caller, in PersonInput) (applicant, store.Account, error) {
	who, wrong := readPerson(in, s.documents, s.db.Now())
	switch {
	case len(wrong) > 0:
		return who, store.Account{}, ErrBadRequest.WithFields(wrong...)
	case c.Link != nil:
		return who, store.Account{}, ErrAlreadyLinked
	}
	return who, store.Account{
		PersonDigest: who.personDigest(s.db),
		Person:       store.Person{Name: who.name, IDType: in.IDType, IDNumber: who.doc.Number},
	}, nil
}

// matchClaim returns the account that name and document match, or claimed if there is none.
func (s *Service) matchClaim(ctx context.Context, who applicant, claimed store.Account) (store.Account, error) {
	known, err := s.db.RecoverableAccount(ctx, claimed.PersonDigest, who.accountNo)
	if err == nil && known != nil && document.SameName(known.Person.Name, who.name, who.doc.Kind) {
		claimed = *known
		claimed.Person.IDNumber = who.doc.Number // the same document, in the normal form used for every caller
	}
	return claimed, err
}

// requireRecoveryConsents returns ErrConsentRequired unless the caller consented to the link
// and, for a face verification that the centre uses, to that.
func (s *Service) requireRecoveryConsents(ctx context.Context, c Caller, face bool) error {
	consents, err := s.consents.load(ctx, c)
	if err != nil {
		return err
	}
	purposes := []string{PurposeLink}
	if face && slices.ContainsFunc(s.consents.offered(c), func(t ConsentText) bool { return t.Purpose == PurposeFace }) {
		purposes = append(purposes, PurposeFace)
	}
	return consents.require(ctx, purposes...)
}

func (s *Service) startRecovery(ctx context.Context, c Caller, a store.Account, kind string) (store.Recovery, FacePage, error) {
	start, err := s.db.ChargeRecovery(ctx, c.Session, a.PersonDigest, linkProofsPerUser)
	if err != nil {
		return store.Recovery{}, FacePage{}, limitError(err, ErrLinkProofLimit, s.db.Now())
	}
	r := store.Recovery{ID: uuid.New(), Kind: kind, PersonDigest: a.PersonDigest, CredentialVersion: a.Version, Start: start}
	if a.ID != uuid.Nil {
		r.AccountID = uuid.NullUUID{UUID: a.ID, Valid: true}
	}
	opening := faceRequest{start: start, account: a, id: r.ID, kind: r.Kind, claimed: true}
	page, err := s.faces.open(ctx, opening, func(ctx context.Context, certifyID string) (err error) {
		r.CertifyID = certifyID
		r, err = s.db.OpenRecovery(ctx, c.Session, r)
		return err
	})
	if errors.Is(err, store.ErrConflict) { // a concurrent request has opened one
		err = ErrBusy.WithCause(err)
	}
	return r, page, err
}

// Recovery returns the state of a recovery. It returns ErrLinkRefused if the citizen has passed
// but has no account.
func (s *Service) Recovery(ctx context.Context, c Caller, id uuid.UUID) (Reset, error) {
	r, err := s.db.Recovery(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) {
		return Reset{ID: id, State: resetUnknown}, nil
	} else if err != nil {
		return Reset{}, err
	}
	reset := Reset{ID: r.ID, State: r.State}
	switch r.State {
	case store.LinkProofUsed:
		reset.State = store.ResetDone
	case store.LinkProofReplaced:
		reset.State = store.ResetCancelled
	case store.LinkProofStarted:
		reset.ExpiresAt = r.ExpiresAt
		_, err = s.recoveredAccount(ctx, r)
		switch {
		case err == nil:
			reset.State = store.ResetPassed
		case errors.Is(err, ErrIdentityNotProven):
			err = nil
		}
	}
	return reset, err
}

// recoveredAccount returns the account of a recovery whose verification was passed, or
// ErrIdentityNotProven.
func (s *Service) recoveredAccount(ctx context.Context, r store.Recovery) (store.Account, error) {
	result, err := s.recoveryResult(ctx, r)
	switch {
	case err != nil:
		return store.Account{}, err
	case result != FacePassed:
		return store.Account{}, ErrIdentityNotProven
	case !r.AccountID.Valid:
		return store.Account{}, ErrLinkRefused
	}
	account, err := s.db.LinkedAccount(ctx, r.AccountID.UUID)
	if errors.Is(err, store.ErrNotFound) { // erased meanwhile
		return store.Account{}, ErrLinkRefused
	} else if err != nil {
		return store.Account{}, err
	}
	return account, checkResettable(account)
}

// recoveryResult returns whether the verification was passed.
func (s *Service) recoveryResult(ctx context.Context, r store.Recovery) (FaceResult, error) {
	switch {
	case r.Kind != store.ResetBySMS:
		return s.provider.FaceResult(ctx, r.Kind, r.CertifyID)
	case r.PassedAt != nil:
		return FacePassed, nil
	}
	return FacePending, nil
}

// ConfirmRecovery links the citizen who has passed the verification and sets the new password.
func (s *Service) ConfirmRecovery(ctx context.Context, c Caller, id uuid.UUID, in NewPassword) (Done, error) {
	r, err := s.db.Recovery(ctx, c.Session, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Done{}, ErrResetGone
	case err != nil:
		return Done{}, err
	case c.IsRetry && r.State == store.LinkProofUsed && c.Link != nil && c.Link.AccountID == r.AccountID.UUID: // the earlier run set the password
		return s.done(ctx, c, id, store.Finished{ClosedAt: c.Link.Password.ChangedAt}, nil)
	case r.State != store.LinkProofStarted:
		return Done{}, ErrResetGone
	case c.Link != nil:
		return Done{}, ErrAlreadyLinked
	}
	if err := s.requireRecoveryConsents(ctx, c, r.Kind != store.ResetBySMS); err != nil {
		return Done{}, err
	}
	account, err := s.recoveredAccount(ctx, r)
	if err != nil {
		return Done{}, err
	}
	finished, err := s.replacePassword(ctx, c, in, procedure{
		closed: ErrResetGone, check: checkResettable,
		account: account, fingerprints: s.db.PasswordFingerprints(account, in.Password.Normalised()),
		write: func(ctx context.Context, n store.NewPassword) (store.Finished, error) {
			return s.db.FinishRecovery(ctx, c.Session, account, id, n)
		},
		onConflict: func(context.Context) error { return ErrAlreadyLinked },
	})
	return s.done(ctx, c, id, finished, err)
}
