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

// Evidence is what speaks for a caller before the password is checked. It is
// gathered for everybody alike, so that it tells nobody anything of the person claimed.
type evidence struct {
	scope     []byte           // where attempts at the password are counted
	permitted []Proof          // what the caller agreed to
	certdoc   bool             // the provider says its user is the person claimed
	phone     string           // verified in this session; "" = none
	face      *store.LinkProof // shown first, by the person claimed; nil: was not
	linked    bool             // an earlier run of this request has linked this very person
}

// proven reports whether the caller is known to be the person claimed, and so has a
// scope of their own.
func (e evidence) proven() bool { return !bytes.Equal(e.scope, store.PublicLane) }

// gatherEvidence asks the provider whether its user is the person claimed, where that is
// accepted, and looks for a face and a verified phone. The attempts of a proven user are
// counted in a scope of their own, which strangers cannot exhaust.
func (s *Service) gatherEvidence(ctx context.Context, c Caller, who claim, agreed consents) (evidence, error) {
	permitted, err := agreed.proofs(ctx, s.accepted.union())
	if err != nil {
		return evidence{}, err
	}
	have := evidence{scope: store.PublicLane, permitted: permitted}
	if c.Link != nil { // to the person claimed, by the earlier run of this request
		have.scope, have.linked = c.IdentityDigest, true
		return have, nil
	}
	if who.faceID != uuid.Nil {
		if have.face, err = s.shownFace(ctx, c, who, permitted); err != nil {
			return have, err
		}
		have.scope = s.faceScope(c.IdentityDigest)
	}
	if slices.Contains(permitted, ProofCertdoc) {
		if have.certdoc, err = s.matches(ctx, c, who, len(permitted) == 1); err != nil {
			return have, err
		}
		if have.certdoc {
			have.scope = c.IdentityDigest
		}
	}
	if slices.Contains(permitted, ProofPhone) {
		have.phone, err = s.db.ProvenPhone(ctx, c.Session)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return have, err
		}
	}
	if have.lacksPhone() {
		return have, asks([]Proof{ProofPhone})
	}
	return have, nil
}

// matches has name and document compared. A document that the provider cannot compare
// needs the counter only where nothing else would do.
func (s *Service) matches(ctx context.Context, c Caller, who claim, only bool) (bool, error) {
	visitor, err := s.db.Visitor(c.Session)
	if err != nil {
		return false, err
	}
	proven, err := s.provider.MatchPerson(ctx, visitor.AccessToken, Person{
		Name: who.name, IDType: who.doc.Certdoc(), IDNumber: who.doc.Number,
	})
	if errors.Is(err, ErrDocumentUnsupported) {
		if !only {
			return false, nil
		}
		return false, ErrBadRequest.WithFields(counterOnly)
	}
	return proven, err
}

// lacksPhone reports whether a phone is all that could still prove somebody who has
// shown none. It is asked for before the password is checked, from everybody alike.
func (e evidence) lacksPhone() bool {
	beside := slices.ContainsFunc(e.permitted, func(p Proof) bool { return p == ProofFace || p == ProofNone })
	return !e.linked && !e.certdoc && e.phone == "" && slices.Contains(e.permitted, ProofPhone) && !beside
}

// A candidate is the account at which the caller's password, or code, was right, and what
// that leads to. The zero value is of nobody.
type candidate struct {
	account  store.Account
	scope    []byte           // where the attempt was counted
	by       Proof            // what proves the caller; "" = nothing yet
	ask      []Proof          // what could, in the centre's order
	face     *store.LinkProof // the face that was shown; nil: none was
	codeID   uuid.UUID        // of the clerk's code that was right in place of the password; or none
	takeOver bool             // the link may be taken over
}

// An outcome is what the password and the evidence lead to.
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

// selectProof says which accepted proof speaks for the caller, or else which could, in the
// centre's order. state is the password's, which is right already. A phone
// that is on file at several persons' accounts (a family's) proves none of them.
func (s *Service) selectProof(a store.Account, state string, have evidence) candidate {
	found := candidate{account: a, scope: have.scope}
	wanted := s.accepted.forState(state)
	if state == store.PasswordFrozen && a.InitialRule != "" {
		wanted = s.accepted.initial // what is frozen is an initial password all the same
	}
	if have.linked {
		found.by = wanted[0]
		return found
	}
	for _, p := range wanted {
		switch shown, possible := s.provedBy(p, a, have); {
		case shown:
			found.by, found.ask = p, nil
			if p == ProofFace {
				found.face = new(*have.face)
				found.face.CredentialVersion = a.Version
			}
			return found
		case possible:
			found.ask = append(found.ask, p)
		}
	}
	return found
}

// provedBy reports whether a proof speaks for the caller, and else whether it could.
func (s *Service) provedBy(p Proof, a store.Account, have evidence) (shown, possible bool) {
	allowed := slices.Contains(have.permitted, p)
	switch p {
	case ProofNone:
		return true, false
	case ProofCertdoc:
		return allowed && have.certdoc, false
	case ProofPhone:
		onFile := ""
		if a.OwnPhone {
			onFile = document.Mobile(a.Person.Phone)
		}
		return allowed && have.phone != "" && have.phone == onFile, have.phone == "" && onFile != ""
	case ProofFace:
		_, err := s.provider.FaceKind(a.Person.IDType, a.Person.IDNumber)
		return allowed && have.face != nil, err == nil
	}
	return false, false
}
