package selfservice

import (
	"errors"
	"slices"
	"strings"

	"fundpass/store"
)

// A Proof says how a link is proven beside the password: one way, or several joined
// with commas, see List.
type Proof string

// Proofs a centre can configure.
const (
	// ProofCertdoc asks the provider whether its user is the person: name and document
	// are compared.
	ProofCertdoc Proof = "certdoc"

	// ProofFace has the provider verify the face against the centre's record of the account.
	ProofFace Proof = "face"

	// ProofPhone compares the phone number that the provider vouches for with the one on file.
	ProofPhone Proof = "phone"

	// ProofNone trusts the password alone. An initial password then opens a link
	// for whoever knows the ID number, so the account must change it at once.
	ProofNone Proof = "none"
)

var errProofs = errors.New("selfservice: proofs are none, or some of certdoc, face and phone, each once, joined with commas")

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
		err = errors.New("selfservice: no proof is named, or none that is good for initial passwords")
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
// reset code stands, may have been initial: freezing it asks for no less.
func (p proofs) forState(state string) []Proof {
	if state == store.PasswordSet {
		return p.set
	}
	return p.initial
}
