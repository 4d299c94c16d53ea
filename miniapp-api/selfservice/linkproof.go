package selfservice

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// Limits of verifications for links, each of which is billed. Anyone who knows a person's data
// and initial password can start one, so the limit per person is high enough that a few
// strangers do not exhaust it. Callers who are verified otherwise have no limit per person.
const (
	linkProofsPerUser   = 3  // started by one user
	linkProofsPerPerson = 30 // started by all unverified users for one person
)

// faceStarts returns the limits of the caller's starts today.
func faceStarts(verified bool) store.StartLimit {
	if verified {
		return store.StartLimit{User: linkProofsPerUser}
	}
	return store.StartLimit{User: linkProofsPerUser, Person: linkProofsPerPerson}
}

// proofRequired returns ErrLinkProofRequired with the proofs as fields, in the given order.
func proofRequired(proofs []Proof) *Error {
	var fields []FieldError
	for _, p := range proofs {
		fields = append(fields, FieldError{Field: string(p), Code: "PROOF_REQUIRED"})
	}
	return ErrLinkProofRequired.WithFields(fields...)
}

// requestProof returns the error for a right password without an accepted proof. It offers the
// possible proofs that the caller consented to, only the chosen one if there is one, and starts
// the first if that is a face verification or a code.
func (s *Service) requestProof(ctx context.Context, c Caller, found candidate, consents consentSet, chosen Proof) error {
	if chosen != "" {
		found.possible = slices.DeleteFunc(found.possible, func(p Proof) bool { return p != chosen })
	}
	if len(found.possible) == 0 {
		return ErrLinkRefused
	}
	may := slices.DeleteFunc(slices.Clone(found.possible), func(p Proof) bool { return !consents.allows(string(p)) })
	if len(may) == 0 {
		return consentRequired(found.possible)
	}
	pending, err := s.startProof(ctx, c, found, consents, may[0])
	if (errors.Is(err, ErrLinkProofLimit) || errors.Is(err, ErrCodeLimit) || errors.Is(err, ErrNoPhone)) && len(may) > 1 {
		return proofRequired(may[1:]) // without the first, whose limit is reached
	}
	if err != nil {
		return err
	}
	answer := proofRequired(may)
	answer.Pending = pending
	return answer
}

// startProof starts a proof that the rules can start: a face verification or a code. It returns
// nil for one that the page obtains.
func (s *Service) startProof(ctx context.Context, c Caller, found candidate, consents consentSet, p Proof) (*PendingLink, error) {
	var pending PendingLink
	var err error
	switch p {
	case ProofFace:
		if err = consents.record(ctx, PurposeFace); err == nil {
			pending, err = s.openLinkProof(ctx, c, found, nil)
		}
	case ProofSMS:
		pending, err = s.openSMSProof(ctx, c, found)
	default:
		return nil, nil
	}
	return &pending, err
}

// openLinkProof starts a face verification of the account's holder as the centre's record
// states them. Only for startFaceFirst does the account hold what the front end sent; claimed
// is then the digest of that, and nil otherwise.
func (s *Service) openLinkProof(ctx context.Context, c Caller, found candidate, claimed []byte) (PendingLink, error) {
	a := found.account
	kind, err := s.provider.FaceKind(a.Person.IDType, a.Person.IDNumber)
	if err != nil {
		return PendingLink{}, err
	}
	verified := claimed == nil && !bytes.Equal(found.scope, store.PublicScope)
	start, err := s.db.ChargeLinkProof(ctx, c.Session, a.PersonDigest, faceStarts(verified))
	if err != nil {
		return PendingLink{}, limitError(err, ErrLinkProofLimit, s.db.Now())
	}
	proof := store.LinkProof{ID: uuid.New(), Scope: found.scope, Kind: kind, Transfer: found.takeOver, CodeID: found.codeID, Claim: claimed, Start: start}
	opening := faceRequest{start: start, account: a, id: proof.ID, kind: kind, claimed: claimed != nil}
	page, err := s.faces.open(ctx, opening, func(ctx context.Context, certifyID string) (err error) {
		proof.CertifyID = certifyID
		proof, err = s.db.OpenLinkProof(ctx, c.Session, a, proof)
		return err
	})
	if errors.Is(err, store.ErrConflict) { // a concurrent request has opened one
		err = ErrBusy.WithCause(err)
	}
	return PendingLink{ID: proof.ID, CertifyID: page.ID, CertifyURL: page.URL, ExpiresAt: proof.ExpiresAt}, err
}

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
	if c.IsRetry && proof.State == store.LinkProofUsed && c.Link != nil && c.Link.AccountID == proof.AccountID {
		return s.LinkedAccount(ctx, c) // the earlier run made the link
	}
	switch {
	case c.IsRetry && proof.State == store.LinkProofReplaced && proof.Transfer:
		return s.resumeTransfer(ctx, c, proof)
	case proof.State != store.LinkProofStarted:
		return store.Account{}, ErrLinkGone
	case c.Link != nil:
		return store.Account{}, ErrAlreadyLinked
	}
	consents, err := s.consents.load(ctx, c)
	if err != nil {
		return store.Account{}, err
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
	switch result, err := s.provider.FaceResult(ctx, proof.Kind, proof.CertifyID); {
	case err != nil:
		return err
	case result != FacePassed:
		return ErrIdentityNotProven
	}
	return nil
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
	by := ProofFace
	if proof.Kind == store.ResetBySMS {
		by = ProofSMS
	}
	a, err := s.alreadyLinked(ctx, c, candidate{account: a, by: by, codeID: proof.CodeID, takeOver: proof.Transfer, face: &proof})
	if err == nil || errors.Is(err, ErrTransferWaiting) {
		s.resetAttempts(ctx, c, proof)
	}
	return a, err
}

// resumeTransferByFaceID is resumeTransfer for a face that was verified first.
func (s *Service) resumeTransferByFaceID(ctx context.Context, c Caller, face uuid.UUID) (store.Account, error) {
	proof, err := s.db.LinkProof(ctx, c.Session, face)
	switch {
	case errors.Is(err, store.ErrNotFound): // erased meanwhile
		return store.Account{}, ErrLinkGone
	case err != nil:
		return store.Account{}, err
	}
	return s.resumeTransfer(ctx, c, proof)
}

// resumeTransfer continues the transfer that an earlier run of this request requested with the
// proof. It returns ErrLinkGone if the caller's transfer concerns another account, since
// another request made it.
func (s *Service) resumeTransfer(ctx context.Context, c Caller, proof store.LinkProof) (store.Account, error) {
	own, _, err := s.db.Transfers(ctx, c.Session)
	switch {
	case err != nil:
		return store.Account{}, err
	case own != nil && own.AccountID != proof.AccountID:
		return store.Account{}, ErrLinkGone
	case own != nil && own.State == store.TransferDone && c.Link != nil && c.Link.AccountID == own.AccountID:
		return s.LinkedAccount(ctx, c)
	case own == nil || own.State != store.TransferWaiting:
		return store.Account{}, ErrLinkGone
	}
	return s.takeOverWithConsent(ctx, c, *own)
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
