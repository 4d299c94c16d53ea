package selfservice

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/google/uuid"

	"fundpass/store"
)

// How many verifications for a link pass on a day: each is billed. Whoever knows a
// person's data and initial password can start them, so the person's own number is so
// high that a few strangers do not use it up; who is proven otherwise has no such limit.
const (
	linkProofsADay         = 3  // of a user
	linkProofsOfPersonADay = 30 // at a person, by all who are not proven
)

// faceStarts is how many starts a caller has today.
func faceStarts(verified bool) store.StartLimit {
	if verified {
		return store.StartLimit{User: linkProofsADay}
	}
	return store.StartLimit{User: linkProofsADay, Person: linkProofsOfPersonADay}
}

// asks is LINK_PROOF_REQUIRED with the proofs that would do, the one asked for first.
func asks(proofs []Proof) *Error {
	var fields []FieldError
	for _, p := range proofs {
		fields = append(fields, FieldError{Field: string(p), Code: "PROOF_REQUIRED"})
	}
	return ErrLinkProofRequired.WithFields(fields...)
}

// askProof answers a right password that nothing accepted speaks for yet. Of what
// would do, what the citizen agreed to is asked for; a chosen one before the others.
func (s *Service) askProof(ctx context.Context, c Caller, found candidate, agreed consents, chosen Proof) error {
	if chosen != "" {
		found.ask = slices.DeleteFunc(found.ask, func(p Proof) bool { return p != chosen })
	}
	if len(found.ask) == 0 {
		return ErrLinkRefused
	}
	may := slices.DeleteFunc(slices.Clone(found.ask), func(p Proof) bool { return !agreed.allows(string(p)) })
	if len(may) == 0 {
		return consentRequired(found.ask)
	}
	if may[0] != ProofFace {
		return asks(may)
	}
	if err := agreed.note(ctx, PurposeFace); err != nil {
		return err
	}
	pending, err := s.openLinkProof(ctx, c, found, nil)
	if errors.Is(err, ErrLinkProofLimit) && len(may) > 1 {
		return asks(may[1:]) // what has no limit
	}
	if err != nil {
		return err
	}
	answer := asks(may)
	answer.Pending = &pending
	return answer
}

// openLinkProof has the holder of the account verified, by the centre's record; by what a
// front end says only where the face comes first, see askFaceFirst: then claimed is the
// digest of that.
func (s *Service) openLinkProof(ctx context.Context, c Caller, found candidate, claimed []byte) (PendingLink, error) {
	a := found.account
	kind, err := s.provider.FaceKind(a.Person.IDType, a.Person.IDNumber)
	if err != nil {
		return PendingLink{}, err
	}
	verified := claimed == nil && !bytes.Equal(found.scope, store.PublicScope)
	start, err := s.db.ChargeLinkProof(ctx, c.Session, a.PersonDigest, faceStarts(verified))
	switch {
	case errors.Is(err, store.ErrLimit):
		return PendingLink{}, ErrLinkProofLimit.WithRetryAfter(untilMidnight(s.db.Now()))
	case err != nil:
		return PendingLink{}, err
	}
	proof := store.LinkProof{ID: uuid.New(), Scope: found.scope, Kind: kind, Transfer: found.takeOver, CodeID: found.codeID, Claim: claimed, Start: start}
	opening := face{start: start, account: a, id: proof.ID, kind: kind, claimed: claimed != nil}
	page, err := s.openFace(ctx, opening, func(ctx context.Context, certifyID string) (err error) {
		proof.CertifyID = certifyID
		proof, err = s.db.OpenLinkProof(ctx, c.Session, a, proof)
		return err
	})
	if errors.Is(err, store.ErrConflict) { // two taps at once; the other one stands
		err = ErrBusy.Because(err)
	}
	return PendingLink{proof.ID, page.ID, page.URL, proof.ExpiresAt}, err
}

// ConfirmLink writes a link that has waited for the citizen's face.
func (s *Service) ConfirmLink(ctx context.Context, c Caller, id uuid.UUID) (store.Account, error) {
	proof, err := s.db.LinkProof(ctx, c.Session, id)
	if errors.Is(err, store.ErrNotFound) || proof.Claim != nil { // whose password has not been checked
		return store.Account{}, ErrLinkGone
	} else if err != nil {
		return store.Account{}, err
	}
	if c.IsRetry && proof.State == store.LinkProofUsed && c.Link != nil && c.Link.AccountID == proof.AccountID {
		return s.LinkedAccount(ctx, c) // it happened, and the answer was lost
	}
	switch {
	case c.IsRetry && proof.State == store.LinkProofReplaced && proof.Transfer:
		return s.resumeTransfer(ctx, c, proof)
	case proof.State != store.LinkProofStarted:
		return store.Account{}, ErrLinkGone
	case c.Link != nil:
		return store.Account{}, ErrAlreadyLinked
	}
	agreed, err := s.agreed(ctx, c)
	if err != nil {
		return store.Account{}, err
	}
	if err := agreed.needs(ctx, PurposeLink, PurposeFace); err != nil {
		return store.Account{}, err
	}
	switch result, err := s.provider.FaceResult(ctx, proof.Kind, proof.CertifyID); {
	case err != nil:
		return store.Account{}, err
	case result != FacePassed:
		return store.Account{}, ErrIdentityNotProven
	}
	return s.finishLink(ctx, c, proof)
}

// finishLink does what a right password calls for at last, and lets the store decide
// who won.
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
		return s.transferByFace(ctx, c, proof, account)
	case errors.Is(err, store.ErrBlocked): // ended a moment ago
		return store.Account{}, ErrAccountClosed
	case err != nil:
		return store.Account{}, err
	}
	s.giveBack(ctx, c, proof)
	return account, nil
}

// transferByFace requests the link that another user has, or takes it over. Either way the
// password was right and the face was verified: the attempt is given back.
func (s *Service) transferByFace(ctx context.Context, c Caller, proof store.LinkProof, a store.Account) (store.Account, error) {
	a, err := s.alreadyLinked(ctx, c, candidate{account: a, by: ProofFace, codeID: proof.CodeID, takeOver: proof.Transfer, face: &proof})
	if err == nil || errors.Is(err, ErrTransferWaiting) {
		s.giveBack(ctx, c, proof)
	}
	return a, err
}

// resumeTransferOf is resumeTransfer for a face that was shown first.
func (s *Service) resumeTransferOf(ctx context.Context, c Caller, face uuid.UUID) (store.Account, error) {
	proof, err := s.db.LinkProof(ctx, c.Session, face)
	switch {
	case errors.Is(err, store.ErrNotFound): // erased a moment ago
		return store.Account{}, ErrLinkGone
	case err != nil:
		return store.Account{}, err
	}
	return s.resumeTransfer(ctx, c, proof)
}

// resumeTransfer continues with the transfer that an earlier run of this request, whose answer
// was lost, requested with the proof. A transfer of another account belongs to another request.
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
	return s.takeOverAgreed(ctx, c, *own)
}

// giveBack resets the attempts of a link that has waited, and undoes its spray count. A
// reset code is no attempt at the password: other people's stay charged.
func (s *Service) giveBack(ctx context.Context, c Caller, proof store.LinkProof) {
	if proof.ByCode() {
		return
	}
	err := s.db.ResetAttempts(ctx, proof.PersonDigest, proof.Scope)
	if err == nil && bytes.Equal(proof.Scope, store.PublicScope) {
		err = s.db.UndoSprayCount(ctx, s.unverifiedSource(c), proof)
	}
	if err != nil { // linked all the same
		s.log.LogAttrs(ctx, slog.LevelWarn, "attempts not reset", slog.String("cause", err.Error()))
	}
}
