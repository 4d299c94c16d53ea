package miniapp

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/signing"
	"fundpass/store"
)

var errProofs = errors.New("miniapp: proofs are none, or some of certdoc, face and phone, each once, joined with commas")

// List reads a setting such as "certdoc,face,phone": each is accepted, and asked for in
// this order. "" is the empty list.
func (p Proof) List() ([]Proof, error) {
	if p == "" {
		return nil, nil
	}
	var all []Proof
	for entry := range strings.SplitSeq(string(p), ",") {
		one := Proof(strings.TrimSpace(entry))
		if !slices.Contains([]Proof{ProofCertdoc, ProofFace, ProofPhone, ProofNone}, one) || slices.Contains(all, one) {
			return nil, errProofs
		}
		all = append(all, one)
	}
	if len(all) > 1 && slices.Contains(all, ProofNone) {
		return nil, errProofs
	}
	return all, nil
}

// ForInitial is what is accepted for initial passwords where the centre says nothing
// of its own: the same without the phone. "" when nothing is left.
func (p Proof) ForInitial() Proof {
	var kept []string
	for entry := range strings.SplitSeq(string(p), ",") {
		if Proof(strings.TrimSpace(entry)) != ProofPhone {
			kept = append(kept, entry)
		}
	}
	return Proof(strings.Join(kept, ","))
}

// proofs are what a centre accepts beside the password.
type proofs struct {
	set     []Proof // for passwords their owners chose
	initial []Proof // for those that can be derived from the person's data, or must be changed
}

func newProofs(set, initial Proof) (proofs, error) {
	if initial == "" {
		initial = set.ForInitial()
	}
	first, err := set.List()
	if err != nil {
		return proofs{}, err
	}
	second, err := initial.List()
	if err == nil && (len(first) == 0 || len(second) == 0) {
		err = errors.New("miniapp: no proof is named, or none that is good for initial passwords")
	}
	return proofs{first, second}, err
}

// union is what may be accepted of somebody whose password has not been looked at yet.
func (p proofs) union() []Proof {
	all := slices.Clone(p.set)
	for _, one := range p.initial {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// forState is what is accepted for a password in this state. A frozen one, for which a
// clerk's code stands, may have been initial: freezing it asks for no less.
func (p proofs) forState(state string) []Proof {
	if state == store.PasswordSet {
		return p.set
	}
	return p.initial
}

// evidence is what speaks for a visitor before the password is looked at. It is
// gathered for everybody alike, so that it tells nobody anything of the person claimed.
type evidence struct {
	lane    []byte           // where the password is guessed
	may     []Proof          // what the visitor agreed to
	certdoc bool             // Alipay says its user is the person claimed
	phone   string           // verified in this session; "" = none
	face    *store.LinkProof // shown first, by the person claimed; nil: was not
	again   bool             // an earlier run of this request has linked this very person
}

// proven reports whether the visitor is known to be the person claimed, and so guesses in
// a scope of their own.
func (e evidence) proven() bool { return !bytes.Equal(e.lane, store.PublicLane) }

// gather asks Alipay whether its user is the person claimed, where that is accepted,
// and looks for a verified phone. A proven user guesses in a lane of their own, which
// strangers cannot exhaust.
func (s *Server) gather(ctx context.Context, v visit, who claim, may []Proof) (evidence, error) {
	have := evidence{lane: store.PublicLane, may: may}
	if v.Link != nil { // to the person claimed, by the earlier run of this request
		have.lane, have.again = v.IdentityDigest, true
		return have, nil
	}
	if who.faceID != uuid.Nil {
		var err error
		if have.face, err = s.shownFace(ctx, v, who, may); err != nil {
			return have, err
		}
		have.lane = s.faceScope(v.IdentityDigest)
	}
	if slices.Contains(may, ProofCertdoc) {
		var err error
		if have.certdoc, err = s.matches(ctx, v, who, len(may) == 1); err != nil {
			return have, err
		}
		if have.certdoc {
			have.lane = v.IdentityDigest
		}
	}
	if !slices.Contains(may, ProofPhone) {
		return have, nil
	}
	phone, err := s.db.ProvenPhone(ctx, v.Session)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	have.phone = phone
	return have, err
}

// matches compares name and document at Alipay. A document that Alipay cannot compare
// needs the counter only where nothing else would do.
func (s *Server) matches(ctx context.Context, v visit, who claim, only bool) (bool, error) {
	visitor, err := s.db.Visitor(v.Session)
	if err != nil {
		return false, err
	}
	proven, err := s.alipay.MatchPerson(ctx, visitor.AccessToken, signing.Person{
		Name: who.name, IDType: who.doc.Certdoc(), IDNumber: who.doc.Number,
	})
	if errors.Is(err, signing.ErrIDType) {
		if !only {
			return false, nil
		}
		return false, ErrBadRequest.withFields(counterOnly)
	}
	return proven, err
}

// wantsPhone reports whether a phone is all that could still prove somebody who has
// shown none. It is asked for before the password is looked at, from everybody alike.
func (e evidence) wantsPhone() bool {
	beside := slices.ContainsFunc(e.may, func(p Proof) bool { return p == ProofFace || p == ProofNone })
	return !e.again && !e.certdoc && e.phone == "" && slices.Contains(e.may, ProofPhone) && !beside
}

// judge says which accepted proof speaks for the visitor, or else which could, in the
// centre's order. Both are empty when none does. The password is right already. A phone
// that stands at several persons' accounts (a family's) proves none of them.
func (s *Server) judge(a store.Account, have evidence) (by Proof, ask []Proof) {
	accepted := s.accepted.forState(a.State)
	if a.State == store.PasswordFrozen && a.InitialRule != "" {
		accepted = s.accepted.initial // what is frozen is an initial password all the same
	}
	if have.again {
		return accepted[0], nil
	}
	onFile := ""
	if a.OwnPhone {
		onFile = document.Mobile(a.Person.Phone)
	}
	for _, p := range accepted {
		allowed := slices.Contains(have.may, p)
		switch p {
		case ProofNone:
			return p, nil
		case ProofCertdoc:
			if allowed && have.certdoc {
				return p, nil
			}
		case ProofPhone:
			if allowed && have.phone != "" && have.phone == onFile {
				return p, nil
			}
			if have.phone == "" && onFile != "" {
				ask = append(ask, p)
			}
		case ProofFace:
			if allowed && have.face != nil {
				return p, nil
			}
			if _, err := signing.VerificationFor(a.Person.IDType, a.Person.IDNumber); err == nil {
				ask = append(ask, p)
			}
		}
	}
	return "", ask
}
