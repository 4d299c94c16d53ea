package selfservice

import (
	"slices"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

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

// resumes reports whether an earlier run of this request used the face up for a transfer.
func (f candidate) resumes() bool {
	return f.face != nil && f.face.State == store.LinkProofReplaced
}

// selectProof returns a candidate with the accepted proof that the caller has shown, or else
// with those that are possible, in the centre's order. state is that of the password, which was
// right. A phone number on file for several persons, such as a family's, proves none of them.
func (s *Service) selectProof(a store.Account, state string, l linkRequest) candidate {
	found := candidate{account: a, scope: l.scope}
	if l.again {
		found.by = s.accepted.forState(state)[0]
		return found
	}
	wanted := l.accepted.forState(state)
	for _, p := range wanted {
		switch shown, possible := l.shows(p, a, s.provider); {
		case shown:
			found.by, found.possible = p, nil
			if p == ProofFace {
				found.face = new(*l.face)
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
func (l linkRequest) shows(p Proof, a store.Account, provider IdentityProvider) (shown, possible bool) {
	allowed := slices.Contains(l.permitted, p)
	switch p {
	case ProofNone:
		return true, false
	case ProofCertdoc:
		return allowed && l.certdoc, false
	case ProofPhone:
		onFile := ""
		if a.OwnPhone {
			onFile = document.Mobile(a.Person.Phone)
		}
		return allowed && l.phone != "" && l.phone == onFile, l.phone == "" && onFile != ""
	case ProofSMS:
		_, mobile := ownMobile(a)
		return false, a.OwnPhone && mobile
	case ProofFace:
		_, err := provider.FaceKind(a.Person.IDType, a.Person.IDNumber)
		return allowed && l.face != nil, err == nil
	}
	return false, false
}

// needsPhone reports whether only a phone number could still prove the caller, who has verified
// none. It is decided before the password is checked, in the same way for every caller.
func (l linkRequest) needsPhone() bool {
	beside := slices.ContainsFunc(l.permitted, func(p Proof) bool { return p == ProofFace || p == ProofSMS || p == ProofNone })
	return !l.again && !l.certdoc && l.phone == "" && slices.Contains(l.permitted, ProofPhone) && !beside
}

// effectiveState returns PasswordMustChange for a chosen password that can be derived from the
// person's data, because such a password needs the proof of an initial one. Otherwise it
// returns the stored state.
func effectiveState(policy *passwd.Policy, a store.Account, password passwd.Secret) string {
	if a.State == store.PasswordSet && isDerivable(policy, a, password) {
		return store.PasswordMustChange
	}
	return a.State
}
