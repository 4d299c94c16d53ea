package selfservice

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"fundpass/store"
)

// Where a face is what proves a citizen, everybody's attempts are counted in the public scope
// until the password is right, and strangers can lock it. So the face may be shown first: the
// provider verifies the applicant, by name and document, whoever it is and whether the centre knows
// them or not. Who has passed has a scope of their own. Nobody learns anything of
// an account by it.

// askFaceFirst starts a verification of the applicant. It reads no account.
func (s *Service) askFaceFirst(ctx context.Context, c Caller, who applicant, agreed consents) error {
	if !s.offersFaceFirst(who) {
		return ErrNotOffered
	}
	if err := agreed.needs(ctx, PurposeLink, PurposeFace); err != nil {
		return err
	}
	claimed := candidate{
		account: store.Account{
			PersonDigest: s.db.PersonDigest(who.doc.Key()),
			Person:       store.Person{Name: who.name, IDType: who.doc.Type, IDNumber: who.doc.Number},
		},
		scope: s.faceScope(c.IdentityDigest),
	}
	pending, err := s.openLinkProof(ctx, c, claimed, s.applicantDigest(who))
	if errors.Is(err, ErrProviderRefused) { // name and number do not fit, by the provider's word: this stays charged
		return ErrLinkRefused.Because(err)
	}
	if err != nil {
		return err
	}
	answer := asks([]Proof{ProofFace})
	answer.Pending = &pending
	return answer
}

// offersFaceFirst goes by the centre and the kind of document alone.
func (s *Service) offersFaceFirst(who applicant) bool {
	_, err := s.provider.FaceKind(who.doc.Type, who.doc.Number)
	return err == nil && slices.Contains(s.accepted.union(), ProofFace)
}

// offerFaceFirst adds the offer to the refusals that other people's attempts can cause.
func (s *Service) offerFaceFirst(who applicant, err error) error {
	var refused *Error
	if errors.As(err, &refused) && (errors.Is(err, ErrLinkRefused) || errors.Is(err, ErrTooManyRequests)) &&
		who.faceID == uuid.Nil && s.offersFaceFirst(who) {
		c := *refused
		c.FaceFirst = true
		return &c
	}
	return err
}

// faceScope counts the attempts of whoever has shown their face on a user's phone. It
// does not name the user: the phone may be a relative's, whose data are not the person's
// unless they link.
func (s *Service) faceScope(identity []byte) []byte { return s.db.Digest("scope of a face", identity) }

// errFaceUsed is the cause if a face proof is no longer valid: a transfer has used it, or a
// later one has replaced it. It is no entry of the table, of which errors.Is compares the
// code alone.
var errFaceUsed = errors.New("selfservice: the face proof was used for a transfer, or replaced")

// shownFace returns the verification of this applicant that the session's citizen has passed.
func (s *Service) shownFace(ctx context.Context, c Caller, who applicant, permitted []Proof) (*store.LinkProof, error) {
	if !slices.Contains(permitted, ProofFace) {
		return nil, consentRequired([]Proof{ProofFace})
	}
	proof, err := s.db.LinkProof(ctx, c.Session, who.faceID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !bytes.Equal(proof.Claim, s.applicantDigest(who)):
		return nil, ErrLinkGone
	case err != nil:
		return nil, err
	case proof.State == store.LinkProofReplaced:
		return nil, ErrLinkGone.Because(errFaceUsed)
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
