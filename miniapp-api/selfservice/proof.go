package selfservice

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fundpass/store"
)

// A Proof says how a link is proven besides the password: one way, or several joined with
// commas; see List.
type Proof string

// The proofs that a centre can configure.
const (
	// ProofCertdoc compares name and document with those of the provider's user.
	ProofCertdoc Proof = "certdoc"

	// ProofFace has the provider verify the face against the centre's record of the account.
	ProofFace Proof = "face"

	// ProofPhone compares the phone number that the provider has verified with the one on file.
	ProofPhone Proof = "phone"

	// ProofSMS sends a code to the phone number on file.
	ProofSMS Proof = "sms"

	// ProofNone accepts the password alone. Anyone who knows the ID number can then link
	// with an initial password, so that password must be changed at once.
	ProofNone Proof = "none"
)

var errProofs = errors.New("selfservice: proofs are none, or some of certdoc, face, phone and sms, each once, joined with commas")

// List parses a setting such as "certdoc,face,phone" into the accepted proofs, in the order in
// which they are requested. "" yields an empty list.
func (p Proof) List() ([]Proof, error) {
	if p == "" {
		return nil, nil
	}
	var all []Proof
	for entry := range strings.SplitSeq(string(p), ",") {
		one := Proof(strings.TrimSpace(entry))
		if !slices.Contains([]Proof{ProofCertdoc, ProofFace, ProofPhone, ProofSMS, ProofNone}, one) || slices.Contains(all, one) {
			return nil, errProofs
		}
		all = append(all, one)
	}
	if len(all) > 1 && slices.Contains(all, ProofNone) {
		return nil, errProofs
	}
	return all, nil
}

// ForInitial returns the proofs for initial passwords if the centre configures none: the same
// without the phone, or "" if none is left.
func (p Proof) ForInitial() Proof {
	var kept []string
	for entry := range strings.SplitSeq(string(p), ",") {
		if Proof(strings.TrimSpace(entry)) != ProofPhone {
			kept = append(kept, entry)
		}
	}
	return Proof(strings.Join(kept, ","))
}

// A proofs is the accepted proofs of a centre.
type proofs struct {
	set     []Proof // for passwords that their owners chose
	initial []Proof // for passwords that can be derived from the person's data or must be changed
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
		err = errors.New("selfservice: no proof is configured, or none for initial passwords")
	}
	return proofs{first, second}, err
}

// on returns the proofs that a channel accepts: of the centre's, those that the registry permits
// there.
func (p proofs) on(e store.ChannelEntry) proofs {
	return proofs{permitted(p.set, e.Proofs), permitted(p.initial, e.InitialProofs)}
}

// permitted returns the proofs that are in names, or all if names is nil.
func permitted(all []Proof, names []string) []Proof {
	if names == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(p Proof) bool { return !slices.Contains(names, string(p)) })
}

// CheckChannelProofs returns an error if a channel accepts none of the centre's proofs, so that
// nobody could link there. set and initial are the centre's, as in Config.
func CheckChannelProofs(set, initial Proof, e store.ChannelEntry) error {
	centre, err := newProofs(set, initial)
	if err != nil {
		return err
	}
	if here := centre.on(e); len(here.set) == 0 || len(here.initial) == 0 {
		return fmt.Errorf("%s accepts none of the centre's proofs: name some of %s, and for other than chosen passwords of %s",
			e.Channel, joinProofs(centre.set), joinProofs(centre.initial))
	}
	return nil
}

func joinProofs(all []Proof) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = string(p)
	}
	return strings.Join(names, ",")
}

// union returns the proofs that may be accepted while the password is unknown.
func (p proofs) union() []Proof {
	all := slices.Clone(p.set)
	for _, one := range p.initial {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// forState returns the accepted proofs for a password in this state. A frozen password, which a
// reset code can replace, may have been initial, so it needs the same proofs as an initial one.
func (p proofs) forState(state string) []Proof {
	if state == store.PasswordSet {
		return p.set
	}
	return p.initial
}
