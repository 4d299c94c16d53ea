package selfservice

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// ConfirmLink writes a link that waited for a face verification or for code, which was sent by
// SMS, and returns its account. It returns ErrLinkGone if no such link waits,
// ErrIdentityNotProven if the face was not verified, and the errors of a code.
func (s *Service) ConfirmLink(ctx context.Context, c Caller, id uuid.UUID, code passwd.Secret) (store.Account, error) {
	proof, err := s.db.LinkProof(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) || proof.Claim != nil { // a face verified first: no password was checked
		return store.Account{}, ErrLinkGone
	} else if err != nil {
		return store.Account{}, err
	}
	requested := c.IsRetry && proof.State == store.LinkProofReplaced && proof.Transfer // by an earlier run
	switch {
	case c.IsRetry && (proof.State == store.LinkProofUsed || requested) && c.Link != nil && c.Link.AccountID == proof.AccountID:
		return s.LinkedAccount(ctx, c) // the earlier run made the link
	case proof.State != store.LinkProofStarted && !requested:
		return store.Account{}, ErrLinkGone
	case c.Link != nil:
		return store.Account{}, ErrAlreadyLinked
	}
	consents, err := s.consents.load(ctx, c)
	if err != nil {
		return store.Account{}, err
	}
	if requested {
		if err := consents.require(ctx, PurposeLink); err != nil {
			return store.Account{}, err
		}
		return s.alreadyLinked(ctx, c, provenBy(proof))
	}
	if err := s.requireProof(ctx, c, consents, proof, code); err != nil {
		return store.Account{}, err
	}
	return s.finishLink(ctx, c, proof)
}

// requireProof returns an error unless the face was verified or the code is right.
func (s *Service) requireProof(ctx context.Context, c Caller, consents consentSet, proof store.LinkProof, code passwd.Secret) error {
	if proof.Kind == store.ResetBySMS {
		if err := consents.require(ctx, PurposeLink); err != nil {
			return err
		}
		return s.passLinkProof(ctx, c, proof, code)
	}
	if err := consents.require(ctx, PurposeLink, PurposeFace); err != nil {
		return err
	}
	return s.requireFace(ctx, proof)
}

// requireFace returns ErrIdentityNotProven unless the provider has verified the face.
func (s *Service) requireFace(ctx context.Context, proof store.LinkProof) error {
	result, err := s.provider.FaceResult(ctx, proof.Kind, proof.CertifyID)
	if err == nil && result != FacePassed {
		err = ErrIdentityNotProven
	}
	return err
}

// finishLink checks the account and writes the link; the store decides between concurrent
// requests.
func (s *Service) finishLink(ctx context.Context, c Caller, proof store.LinkProof) (store.Account, error) {
	account, err := s.db.LinkedAccount(ctx, proof.AccountID)
	switch {
	case errors.Is(err, store.ErrNotFound): // erased meanwhile
		return store.Account{}, ErrLinkGone
	case err != nil:
		return store.Account{}, err
	case account.Ended():
		return store.Account{}, ErrAccountClosed
	case account.State == store.PasswordFrozen && !proof.ByCode():
		return store.Account{}, ErrPasswordFrozen
	}
	err = s.db.FinishLink(ctx, c.Session, account, proof, nil)
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrNotFound):
		return store.Account{}, ErrLinkGone
	case errors.Is(err, store.ErrConflict):
		return s.transferByProof(ctx, c, proof, account)
	case errors.Is(err, store.ErrBlocked): // ended meanwhile
		return store.Account{}, ErrAccountClosed
	case err != nil:
		return store.Account{}, err
	}
	s.resetAttempts(ctx, c, proof)
	return account, nil
}

// transferByProof requests or completes the transfer of a link that another user has. It resets
// the attempts, because password and proof were right.
func (s *Service) transferByProof(ctx context.Context, c Caller, proof store.LinkProof, a store.Account) (store.Account, error) {
	found := provenBy(proof)
	found.account = a
	a, err := s.alreadyLinked(ctx, c, found)
	if err == nil || errors.Is(err, ErrTransferWaiting) {
		s.resetAttempts(ctx, c, proof)
	}
	return a, err
}

// provenBy returns the candidate whom a proof has proven: the account as it was when its password
// or code was right.
func provenBy(proof store.LinkProof) candidate {
	found := candidate{
		account: store.Account{ID: proof.AccountID, PersonDigest: proof.PersonDigest, Version: proof.CredentialVersion},
		by:      ProofFace, codeID: proof.CodeID, takeOver: proof.Transfer, face: &proof,
	}
	if proof.Kind == store.ResetBySMS {
		found.by = ProofSMS
	}
	return found
}

// resetAttempts resets the attempts of a link that has waited, and undoes its spray count. It
// does nothing for a reset code, which is no attempt at the password.
func (s *Service) resetAttempts(ctx context.Context, c Caller, proof store.LinkProof) {
	if proof.ByCode() {
		return
	}
	err := s.db.ResetAttempts(ctx, proof.PersonDigest, proof.Scope)
	if err == nil && bytes.Equal(proof.Scope, store.PublicScope) {
		err = s.db.UndoSprayCount(ctx, s.spraying.source(c), proof.PersonDigest, proof.ExpiresAt.Add(-store.LinkProofLife))
	}
	s.logNotReset(ctx, err)
}

// logNotReset logs an error of resetting attempts. The link or session is written anyway.
func (s *Service) logNotReset(ctx context.Context, err error) {
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "attempts not reset", slog.String("cause", err.Error()))
	}
}
