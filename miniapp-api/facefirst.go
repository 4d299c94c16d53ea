package miniapp

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"fundpass/signing"
	"fundpass/store"
)

// Where a face is what proves a citizen, everybody guesses in the public scope until the
// password is right, and strangers can lock it. So the face may be shown first: Alipay
// verifies the claim itself, name and document, whoever it is and whether the centre knows
// them or not. Who has passed guesses in a scope of their own. Nobody learns anything of
// an account by it.

// askFaceFirst starts a verification of the claim. No account is looked at.
func (s *Server) askFaceFirst(ctx context.Context, v visit, who claim, agreed agreement) error {
	if !s.offersFaceFirst(who) {
		return ErrNotOffered
	}
	if err := agreed.needs(ctx, PurposeLink, PurposeFace); err != nil {
		return err
	}
	pending, err := s.openLinkProof(ctx, v, rightLink{
		account: store.Account{
			PersonDigest: s.db.PersonDigest(who.doc.Key()),
			Person:       store.Person{Name: who.name, IDType: who.doc.Type, IDNumber: who.doc.Number},
		},
		lane: s.faceScope(v.IdentityDigest), claim: s.claimDigest(who),
	})
	if errors.Is(err, signing.ErrConfiguration) { // name and number do not fit, by Alipay's word: this stays charged
		return ErrLinkRefused.because(err)
	}
	if err != nil {
		return err
	}
	answer := asks([]Proof{ProofFace})
	answer.Pending = &pending
	return answer
}

// offersFaceFirst goes by the centre and the kind of document alone.
func (s *Server) offersFaceFirst(who claim) bool {
	_, err := signing.VerificationFor(who.doc.Type, who.doc.Number)
	return err == nil && slices.Contains(s.accepted.union(), ProofFace)
}

// offerFaceFirst adds the offer to the refusals that other people's guesses can bring about.
func (s *Server) offerFaceFirst(who claim, err error) error {
	var refused *Error
	if errors.As(err, &refused) && (errors.Is(err, ErrLinkRefused) || errors.Is(err, ErrTooManyRequests)) &&
		who.faceID == uuid.Nil && s.offersFaceFirst(who) {
		c := *refused
		c.FaceFirst = true
		return &c
	}
	return err
}

// faceScope is where whoever has shown their face on an Alipay user's phone guesses. It
// does not name the user: the phone may be a relative's, whose data are not the person's
// unless they link.
func (s *Server) faceScope(identity []byte) []byte { return s.db.Digest("scope of a face", identity) }

// claimDigest recognises the claim that was verified.
func (s *Server) claimDigest(who claim) []byte {
	return s.db.Digest("claim of a link", who.doc.Key(), []byte(who.name))
}

// errFaceUsed says why a face is no good any more: it has stood for a relink, or a later one
// has replaced it. It is no entry of the table, of which errors.Is compares the code alone.
var errFaceUsed = errors.New("miniapp: the face has stood for a relink, or was replaced")

// shownFace is the verification of this claim that the session's citizen has passed.
func (s *Server) shownFace(ctx context.Context, v visit, who claim, may []Proof) (*store.LinkProof, error) {
	if !slices.Contains(may, ProofFace) {
		return nil, consentRequired([]Proof{ProofFace})
	}
	proof, err := s.db.LinkProof(ctx, v.Session, who.faceID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !bytes.Equal(proof.Claim, s.claimDigest(who)):
		return nil, ErrLinkGone
	case err != nil:
		return nil, err
	case proof.State == store.LinkProofReplaced:
		return nil, ErrLinkGone.because(errFaceUsed)
	case proof.State != store.LinkProofStarted:
		return nil, ErrLinkGone
	}
	switch verdict, err := s.facePassed(ctx, proof.Kind, proof.CertifyID); {
	case err != nil:
		return nil, err
	case verdict != signing.Passed:
		return nil, ErrIdentityNotProven
	}
	return &proof, nil
}
