package selfservice

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

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

// If only a face proves a citizen, all attempts before the right password share the public
// lockout scope, which strangers can exhaust. Therefore the face may be verified first: the
// provider verifies the applicant's name and document, whether or not an account exists. An
// applicant who has passed gets a scope of their own. The answer reveals nothing about an
// account.

// startFaceFirst starts a verification of the applicant and returns ErrLinkProofRequired with
// it. It reads no account.
func (s *Service) startFaceFirst(ctx context.Context, c Caller, l linkRequest) error {
	if !s.offersFaceFirst(l) {
		return ErrNotOffered
	}
	if err := l.consents.require(ctx, PurposeLink, PurposeFace); err != nil {
		return err
	}
	claimed := candidate{
		account: store.Account{
			PersonDigest: l.person,
			Person:       store.Person{Name: l.name, IDType: l.doc.Type, IDNumber: l.doc.Number},
		},
		scope: l.faceScope,
	}
	pending, err := s.openLinkProof(ctx, c, claimed, l.digest(s.db))
	if errors.Is(err, ErrProviderRefused) { // the provider says that name and number do not match; the start stays charged
		return ErrLinkRefused.WithCause(err)
	}
	if err != nil {
		return err
	}
	answer := proofRequired([]Proof{ProofFace})
	answer.Pending = &pending
	return answer
}

// requestProof returns the error for a right password without an accepted proof. It offers the
// possible proofs that the caller consented to, only the chosen one if there is one, and starts
// the first if that is a face verification or a code.
func (s *Service) requestProof(ctx context.Context, c Caller, l linkRequest, found candidate) error {
	if l.chosen != "" {
		found.possible = slices.DeleteFunc(found.possible, func(p Proof) bool { return p != l.chosen })
	}
	if len(found.possible) == 0 {
		return ErrLinkRefused
	}
	may := slices.DeleteFunc(slices.Clone(found.possible), func(p Proof) bool { return !l.consents.allows(string(p)) })
	if len(may) == 0 {
		return consentRequired(found.possible)
	}
	pending, err := s.startProof(ctx, c, l, found, may[0])
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
func (s *Service) startProof(ctx context.Context, c Caller, l linkRequest, found candidate, p Proof) (*PendingLink, error) {
	var pending PendingLink
	var err error
	switch p {
	case ProofFace:
		if err = l.consents.record(ctx, PurposeFace); err == nil {
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

// openSMSProof sends a code for the link of an account whose password was right.
func (s *Service) openSMSProof(ctx context.Context, c Caller, found candidate) (PendingLink, error) {
	masked, err := maskedMobile(found.account)
	if err != nil {
		return PendingLink{}, err
	}
	proof := store.LinkProof{ID: uuid.New(), Scope: found.scope, Transfer: found.takeOver, CodeID: found.codeID}
	proof, code, err := s.db.OpenLinkProofBySMS(ctx, c.Session, found.account, proof, codeOrder(codeForLink, found.account))
	switch {
	case errors.Is(err, store.ErrConflict): // a concurrent request has opened one
		return PendingLink{}, ErrBusy.WithCause(err)
	case err != nil:
		return PendingLink{}, s.codeError(err, code)
	}
	return PendingLink{ID: proof.ID, Phone: masked, ExpiresAt: proof.ExpiresAt}, nil
}

// proofRequired returns ErrLinkProofRequired with the proofs as fields, in the given order.
func proofRequired(proofs []Proof) *Error {
	var fields []FieldError
	for _, p := range proofs {
		fields = append(fields, FieldError{Field: string(p), Code: "PROOF_REQUIRED"})
	}
	return ErrLinkProofRequired.WithFields(fields...)
}

// offersFaceFirst reports whether the face can be verified first. It depends on the channel and
// the kind of document alone.
func (s *Service) offersFaceFirst(l linkRequest) bool {
	_, err := s.provider.FaceKind(l.doc.Type, l.doc.Number)
	return err == nil && slices.Contains(l.accepted.union(), ProofFace)
}

// offerFaceFirst sets FaceFirst on refusals that other people's attempts can cause.
func (s *Service) offerFaceFirst(l linkRequest, err error) error {
	var refused *Error
	if errors.As(err, &refused) && (errors.Is(err, ErrLinkRefused) || errors.Is(err, ErrTooManyRequests)) &&
		l.faceID == uuid.Nil && s.offersFaceFirst(l) {
		offered := *refused
		offered.FaceFirst = true
		return &offered
	}
	return err
}
