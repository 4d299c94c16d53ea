package selfservice

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"fundpass/store"
)

// If only a face proves a citizen, all attempts before the right password share the public
// lockout scope, which strangers can exhaust. Therefore the face may be verified first: the
// provider verifies the applicant's name and document, whether or not an account exists. An
// applicant who has passed gets a scope of their own. The answer reveals nothing about an
// account.

// startFaceFirst starts a verification of the applicant and returns ErrLinkProofRequired with
// it. It reads no account.
func (s *Service) startFaceFirst(ctx context.Context, c Caller, who applicant, consents consentSet) error {
	if !s.offersFaceFirst(ctx, c, who) {
		return ErrNotOffered
	}
	if err := consents.require(ctx, PurposeLink, PurposeFace); err != nil {
		return err
	}
	claimed := candidate{
		account: store.Account{
			PersonDigest: who.personDigest(s.db),
			Person:       store.Person{Name: who.name, IDType: who.doc.Type, IDNumber: who.doc.Number},
		},
		scope: s.faceScope(c.IdentityDigest),
	}
	pending, err := s.openLinkProof(ctx, c, claimed, who.digest(s.db))
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

// offersFaceFirst reports whether the face can be verified first. It depends on the channel and
// the kind of document alone.
func (s *Service) offersFaceFirst(ctx context.Context, c Caller, who applicant) bool {
	_, err := s.provider.FaceKind(who.doc.Type, who.doc.Number)
	accepted, unknown := s.proofsOn(ctx, c.Channel)
	return err == nil && unknown == nil && slices.Contains(accepted.union(), ProofFace)
}

// offerFaceFirst sets FaceFirst on refusals that other people's attempts can cause.
func (s *Service) offerFaceFirst(ctx context.Context, c Caller, who applicant, err error) error {
	var refused *Error
	if errors.As(err, &refused) && (errors.Is(err, ErrLinkRefused) || errors.Is(err, ErrTooManyRequests)) &&
		who.faceID == uuid.Nil && s.offersFaceFirst(ctx, c, who) {
		offered := *refused
		offered.FaceFirst = true
		return &offered
	}
	return err
}

// faceScope returns the lockout scope of applicants whose face was verified on this user's
// phone. It is a digest that does not name the user, because the phone may belong to a relative
// who is not linked.
func (s *Service) faceScope(identity []byte) []byte { return s.db.Digest("scope of a face", identity) }

// errFaceUsed is the cause if a face proof was used by a transfer or replaced by a later proof.
// It is not an *Error, because errors.Is compares those by code.
var errFaceUsed = errors.New("selfservice: the face proof was used for a transfer or replaced")

// passedFace returns the verification of this applicant that was passed in the caller's
// session. It returns ErrLinkGone if there is none, and ErrIdentityNotProven if it was not
// passed.
func (s *Service) passedFace(ctx context.Context, c Caller, who applicant, permitted []Proof) (*store.LinkProof, error) {
	if !slices.Contains(permitted, ProofFace) {
		return nil, consentRequired([]Proof{ProofFace})
	}
	proof, err := s.db.LinkProof(ctx, c.Session, who.faceID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !bytes.Equal(proof.Claim, who.digest(s.db)):
		return nil, ErrLinkGone
	case err != nil:
		return nil, err
	case proof.State == store.LinkProofReplaced:
		return nil, ErrLinkGone.WithCause(errFaceUsed)
	case proof.State != store.LinkProofStarted:
		return nil, ErrLinkGone
	}
	switch result, err := s.provider.FaceResult(ctx, proof.Kind, proof.CertifyID); {
	case err != nil:
		return nil, err
	case result != FacePassed:
		return nil, ErrIdentityNotProven
	}
	return &proof, nil
}
