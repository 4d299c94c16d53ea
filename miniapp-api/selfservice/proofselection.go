package selfservice

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// A proofInputs is the input of selectProof except the password. It is collected before the
// password is checked, in the same way for every caller, so that it reveals nothing about the
// claimed person.
type proofInputs struct {
	scope     []byte           // the lockout scope of the attempt
	accepted  proofs           // on the caller's channel
	permitted []Proof          // proofs that the caller consented to
	certdoc   bool             // the provider confirms that its user is the claimed person
	phone     string           // verified in this session; "" = none
	face      *store.LinkProof // verified first, of the claimed person; nil if not
	linked    bool             // an earlier run of this request linked this person
}

// verified reports whether the caller is known to be the claimed person and therefore has a
// scope of their own.
func (e proofInputs) verified() bool { return !bytes.Equal(e.scope, store.PublicScope) }

// collectProofInputs compares the provider's user with the claimed person if that is accepted,
// and looks for a verified face and phone. The attempts of a verified user are counted in a
// scope of their own, which strangers cannot exhaust.
func (s *Service) collectProofInputs(ctx context.Context, c Caller, who applicant, consents consentSet) (proofInputs, error) {
	accepted, err := s.proofsOn(ctx, c.Channel)
	if err != nil {
		return proofInputs{}, err
	}
	permitted, err := consents.permittedProofs(ctx, accepted.union())
	if err != nil {
		return proofInputs{}, err
	}
	inputs := proofInputs{scope: store.PublicScope, accepted: accepted, permitted: permitted}
	if c.Link != nil { // an earlier run of this request linked the claimed person
		inputs.scope, inputs.linked = c.IdentityDigest, true
		return inputs, nil
	}
	if who.faceID != uuid.Nil {
		if inputs.face, err = s.passedFace(ctx, c, who, permitted); err != nil {
			return inputs, err
		}
		inputs.scope = s.faceScope(c.IdentityDigest)
	}
	if slices.Contains(permitted, ProofCertdoc) {
		if inputs.certdoc, err = s.matchPerson(ctx, c, who, len(permitted) == 1); err != nil {
			return inputs, err
		}
		if inputs.certdoc {
			inputs.scope = c.IdentityDigest
		}
	}
	if slices.Contains(permitted, ProofPhone) {
		inputs.phone = c.Phone
	}
	if inputs.needsPhone() {
		return inputs, proofRequired([]Proof{ProofPhone})
	}
	return inputs, nil
}

// proofsOn returns the proofs that a channel accepts.
func (s *Service) proofsOn(ctx context.Context, channel Channel) (proofs, error) {
	all, err := s.registry.entries(ctx)
	return s.accepted.on(entryOf(all, channel)), err
}

// matchPerson reports whether name and document are those of the provider's user. A document
// that the provider cannot compare is refused only if certdoc is the only proof.
func (s *Service) matchPerson(ctx context.Context, c Caller, who applicant, only bool) (bool, error) {
	verified, err := s.provider.MatchPerson(ctx, c.Visitor.AccessToken, Person{
		Name: who.name, IDType: who.doc.Certdoc(), IDNumber: who.doc.Number,
	})
	if errors.Is(err, ErrDocumentUnsupported) {
		if !only {
			return false, nil
		}
		return false, ErrBadRequest.WithFields(counterOnly)
	}
	return verified, err
}

// needsPhone reports whether only a phone number could still prove the caller, who has verified
// none. It is decided before the password is checked, in the same way for every caller.
func (e proofInputs) needsPhone() bool {
	beside := slices.ContainsFunc(e.permitted, func(p Proof) bool { return p == ProofFace || p == ProofSMS || p == ProofNone })
	return !e.linked && !e.certdoc && e.phone == "" && slices.Contains(e.permitted, ProofPhone) && !beside
}

// A candidate is the account whose password or code the caller gave, with its proof. The zero
// value is a refusal.
type candidate struct {
	account  store.Account
	scope    []byte           // the lockout scope of the attempt
	by       Proof            // the proof that was accepted; "" = none yet
	possible []Proof          // the proofs that are possible, in the centre's order
	face     *store.LinkProof // the face that was verified; nil if none was
	attempt  *check           // the attempt with the right password, not passed yet; nil if there was none
	codeID   uuid.UUID        // of the reset code that replaced the password; zero if none did
	takeOver bool             // request the link from another user
}

// An outcome is the result of the password check and the proofs.
type outcome int

const (
	outcomeRefused    outcome = iota
	outcomeNeedsProof         // the password is right and a proof is possible
	outcomeAccepted
)

func (f candidate) outcome() outcome {
	switch {
	case f.by != "":
		return outcomeAccepted
	case len(f.possible) > 0:
		return outcomeNeedsProof
	}
	return outcomeRefused
}

// selectProof returns a candidate with the accepted proof that the caller has shown, or else
// with those that are possible, in the centre's order. state is that of the password, which was
// right. A phone number on file for several persons, such as a family's, proves none of them.
func (s *Service) selectProof(a store.Account, state string, inputs proofInputs) candidate {
	found := candidate{account: a, scope: inputs.scope}
	if inputs.linked {
		found.by = s.accepted.forState(state)[0]
		return found
	}
	wanted := inputs.accepted.forState(state)
	for _, p := range wanted {
		switch shown, possible := inputs.shows(p, a, s.provider); {
		case shown:
			found.by, found.possible = p, nil
			if p == ProofFace {
				found.face = new(*inputs.face)
				found.face.CredentialVersion = a.Version
			}
			return found
		case possible:
			found.possible = append(found.possible, p)
		}
	}
	return found
}

// shows reports whether the caller has shown a proof, and if not, whether it is possible.
func (e proofInputs) shows(p Proof, a store.Account, provider IdentityProvider) (shown, possible bool) {
	allowed := slices.Contains(e.permitted, p)
	switch p {
	case ProofNone:
		return true, false
	case ProofCertdoc:
		return allowed && e.certdoc, false
	case ProofPhone:
		onFile := ""
		if a.OwnPhone {
			onFile = document.Mobile(a.Person.Phone)
		}
		return allowed && e.phone != "" && e.phone == onFile, e.phone == "" && onFile != ""
	case ProofSMS:
		_, mobile := ownMobile(a)
		return false, a.OwnPhone && mobile
	case ProofFace:
		_, err := provider.FaceKind(a.Person.IDType, a.Person.IDNumber)
		return allowed && e.face != nil, err == nil
	}
	return false, false
}
