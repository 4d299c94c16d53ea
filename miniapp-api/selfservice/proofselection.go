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

// proofInputs is what selectProof decides by, except the password. It is collected before the
// password is checked, and for everybody alike, so that it reveals nothing about the person claimed.
type proofInputs struct {
	scope     []byte           // where attempts at the password are counted
	permitted []Proof          // what the caller agreed to
	certdoc   bool             // the provider says its user is the person claimed
	phone     string           // verified in this session; "" = none
	face      *store.LinkProof // shown first, by the person claimed; nil: was not
	linked    bool             // an earlier run of this request has linked this very person
}

// verified reports whether the caller is known to be the person claimed, and so has a scope of
// their own.
func (e proofInputs) verified() bool { return !bytes.Equal(e.scope, store.PublicScope) }

// collectProofInputs asks the provider whether its user is the person claimed, where that is
// accepted, and looks for a face and a verified phone. The attempts of a verified user are
// counted in a scope of their own, which strangers cannot exhaust.
func (s *Service) collectProofInputs(ctx context.Context, c Caller, who applicant, agreed consents) (proofInputs, error) {
	permitted, err := agreed.proofs(ctx, s.accepted.union())
	if err != nil {
		return proofInputs{}, err
	}
	inputs := proofInputs{scope: store.PublicScope, permitted: permitted}
	if c.Link != nil { // to the person claimed, by the earlier run of this request
		inputs.scope, inputs.linked = c.IdentityDigest, true
		return inputs, nil
	}
	if who.faceID != uuid.Nil {
		if inputs.face, err = s.shownFace(ctx, c, who, permitted); err != nil {
			return inputs, err
		}
		inputs.scope = s.faceScope(c.IdentityDigest)
	}
	if slices.Contains(permitted, ProofCertdoc) {
		if inputs.certdoc, err = s.matches(ctx, c, who, len(permitted) == 1); err != nil {
			return inputs, err
		}
		if inputs.certdoc {
			inputs.scope = c.IdentityDigest
		}
	}
	if slices.Contains(permitted, ProofPhone) {
		inputs.phone, err = s.db.VerifiedPhone(ctx, c.Session)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return inputs, err
		}
	}
	if inputs.lacksPhone() {
		return inputs, asks([]Proof{ProofPhone})
	}
	return inputs, nil
}

// matches has name and document compared. A document that the provider cannot compare
// needs the counter only where nothing else would do.
func (s *Service) matches(ctx context.Context, c Caller, who applicant, only bool) (bool, error) {
	visitor, err := s.db.Visitor(c.Session)
	if err != nil {
		return false, err
	}
	verified, err := s.provider.MatchPerson(ctx, visitor.AccessToken, Person{
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

// lacksPhone reports whether a phone is all that could still prove somebody who has
// shown none. It is asked for before the password is checked, from everybody alike.
func (e proofInputs) lacksPhone() bool {
	beside := slices.ContainsFunc(e.permitted, func(p Proof) bool { return p == ProofFace || p == ProofNone })
	return !e.linked && !e.certdoc && e.phone == "" && slices.Contains(e.permitted, ProofPhone) && !beside
}

// A candidate is the account whose password or code the caller gave, and what may be done with
// it. The zero value has no account.
type candidate struct {
	account  store.Account
	scope    []byte           // where the attempt was counted
	by       Proof            // what proves the caller; "" = nothing yet
	ask      []Proof          // what could, in the centre's order
	face     *store.LinkProof // the face that was shown; nil: none was
	attempt  *check           // whose password was right, not passed yet; nil: there was none
	codeID   uuid.UUID        // of the reset code that was right in place of the password; or none
	takeOver bool             // the link may be taken over
}

// An outcome is the result of the password check and the proofs.
type outcome int

const (
	outcomeRefused    outcome = iota
	outcomeNeedsProof         // the password is right, and a proof would do
	outcomeAccepted
)

func (f candidate) outcome() outcome {
	switch {
	case f.by != "":
		return outcomeAccepted
	case len(f.ask) > 0:
		return outcomeNeedsProof
	}
	return outcomeRefused
}

// selectProof returns the accepted proof that the caller has shown, or else those they could
// show, in the centre's order. state is the password's, which is right already. A phone
// that is on file at several persons' accounts (a family's) proves none of them.
func (s *Service) selectProof(a store.Account, state string, inputs proofInputs) candidate {
	found := candidate{account: a, scope: inputs.scope}
	wanted := s.accepted.forState(state)
	if state == store.PasswordFrozen && a.InitialRule != "" {
		wanted = s.accepted.initial // what is frozen is an initial password all the same
	}
	if inputs.linked {
		found.by = wanted[0]
		return found
	}
	for _, p := range wanted {
		switch shown, possible := s.provedBy(p, a, inputs); {
		case shown:
			found.by, found.ask = p, nil
			if p == ProofFace {
				found.face = new(*inputs.face)
				found.face.CredentialVersion = a.Version
			}
			return found
		case possible:
			found.ask = append(found.ask, p)
		}
	}
	return found
}

// provedBy reports whether the caller has shown a proof, and otherwise whether they could.
func (s *Service) provedBy(p Proof, a store.Account, inputs proofInputs) (shown, possible bool) {
	allowed := slices.Contains(inputs.permitted, p)
	switch p {
	case ProofNone:
		return true, false
	case ProofCertdoc:
		return allowed && inputs.certdoc, false
	case ProofPhone:
		onFile := ""
		if a.OwnPhone {
			onFile = document.Mobile(a.Person.Phone)
		}
		return allowed && inputs.phone != "" && inputs.phone == onFile, inputs.phone == "" && onFile != ""
	case ProofFace:
		_, err := s.provider.FaceKind(a.Person.IDType, a.Person.IDNumber)
		return allowed && inputs.face != nil, err == nil
	}
	return false, false
}
