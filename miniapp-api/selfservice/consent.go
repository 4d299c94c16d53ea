package selfservice

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"fundpass/store"
)

// A ConsentMode says what stands for a citizen's consent. Either way what was
// withdrawn is only given again by POST /v1/consents.
type ConsentMode string

// Modes a centre can configure.
const (
	// ConsentRecorded takes submitting a form, beside which the page shows the text, as
	// the consent, and records it with the text's version.
	ConsentRecorded ConsentMode = "recorded"

	// ConsentRequired wants each consent given by a call of its own, to the present text.
	ConsentRequired ConsentMode = "required"
)

// Purposes of consents: the link itself, each proof, and messages to the owner.
// Separate consent for sensitive data is asked by PIPL articles 14, 15 and 29.
const (
	PurposeLink    = "link"
	PurposeCertdoc = string(ProofCertdoc)
	PurposeFace    = string(ProofFace)
	PurposePhone   = string(ProofPhone)
	PurposeMessage = "message"
)

// A ConsentText is what a citizen agrees to. Whoever changes Text changes Version, too.
type ConsentText struct {
	Purpose string `json:"purpose"`
	Version string `json:"version"` // 1 to 32 bytes
	Text    string `json:"text"`    // Chinese
}

// ParseConsents reads the texts of all purposes, a JSON list of purpose, version and text.
func ParseConsents(raw []byte) ([]ConsentText, error) {
	var texts []ConsentText
	if err := json.Unmarshal(raw, &texts, json.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New("selfservice: consents are not a JSON list of purpose, version and text")
	}
	wanted := []string{PurposeLink, PurposeCertdoc, PurposeFace, PurposePhone, PurposeMessage}
	for _, t := range texts {
		i := slices.Index(wanted, t.Purpose)
		if i < 0 || t.Version == "" || len(t.Version) > 32 || t.Text == "" {
			return nil, errors.New("selfservice: a consent's purpose is unknown or there twice, or its version or text is missing or too long")
		}
		wanted = slices.Delete(wanted, i, i+1)
	}
	if len(wanted) > 0 {
		return nil, errors.New("selfservice: no text for consent " + wanted[0])
	}
	return texts, nil
}

// offeredConsents are the texts of what this centre does, in the file's order.
func (s *Service) offeredConsents() []ConsentText {
	var texts []ConsentText
	proofs := s.accepted.union()
	for _, t := range s.consentTexts {
		switch t.Purpose {
		case PurposeLink:
		case PurposeMessage:
			if s.template == "" {
				continue
			}
		default:
			used := slices.Contains(proofs, Proof(t.Purpose)) || t.Purpose == PurposePhone && s.provider.OffersPhone()
			if !used {
				continue
			}
		}
		texts = append(texts, t)
	}
	return texts
}

// A consents is what one caller has agreed to so far.
type consents struct {
	s      *Service
	c      Caller
	latest map[string]store.Consent
}

func (s *Service) agreed(ctx context.Context, c Caller) (consents, error) {
	latest, err := s.db.Consents(ctx, c.Session)
	return consents{s, c, latest}, err
}

// text is the present text of a purpose; zero where there is none, as for ProofNone.
func (a consents) text(purpose string) ConsentText {
	i := slices.IndexFunc(a.s.consentTexts, func(t ConsentText) bool { return t.Purpose == purpose })
	if i < 0 {
		return ConsentText{}
	}
	return a.s.consentTexts[i]
}

// current reports whether the caller agreed to the present text.
func (a consents) current(purpose string) bool {
	c, found := a.latest[purpose]
	return found && c.WithdrawnAt == nil && c.Version == a.text(purpose).Version
}

// allows reports whether the caller's data may be used for a purpose.
func (a consents) allows(purpose string) bool {
	if a.text(purpose) == (ConsentText{}) {
		return true
	}
	if a.s.consentMode == ConsentRequired {
		return a.current(purpose)
	}
	return a.latest[purpose].WithdrawnAt == nil
}

// needs is CONSENT_REQUIRED unless every purpose is allowed, and notes what the form says.
func (a consents) needs(ctx context.Context, purposes ...string) error {
	var missing []Proof
	for _, p := range purposes {
		if !a.allows(p) {
			missing = append(missing, Proof(p))
		}
	}
	if len(missing) > 0 {
		return consentRequired(missing)
	}
	return a.note(ctx, purposes...)
}

// note records that the form beside which the texts stood was submitted.
func (a consents) note(ctx context.Context, purposes ...string) error {
	var fresh []store.Consent
	for _, p := range purposes {
		if !a.current(p) {
			fresh = append(fresh, store.Consent{Purpose: p, Version: a.text(p).Version, How: store.ConsentByForm})
		}
	}
	if len(fresh) == 0 || a.s.consentMode == ConsentRequired {
		return nil
	}
	return a.s.db.GiveConsents(ctx, a.c.Session, fresh)
}

// proofs narrows what the centre accepts to what the caller agreed to. It is
// CONSENT_REQUIRED when the link itself is not agreed to, or no proof at all.
func (a consents) proofs(ctx context.Context, accepted []Proof) ([]Proof, error) {
	may := slices.DeleteFunc(slices.Clone(accepted), func(p Proof) bool { return !a.allows(string(p)) })
	switch {
	case !a.allows(PurposeLink) && len(may) == 0:
		return nil, consentRequired(append([]Proof{PurposeLink}, accepted...))
	case !a.allows(PurposeLink):
		return nil, consentRequired([]Proof{PurposeLink})
	case len(may) == 0:
		return nil, consentRequired(accepted)
	case slices.Contains(may, ProofCertdoc):
		return may, a.note(ctx, PurposeLink, PurposeCertdoc)
	}
	return may, a.note(ctx, PurposeLink)
}

// consentRequired names what would do, the first choice first.
func consentRequired(purposes []Proof) *Error {
	var fields []FieldError
	for _, p := range purposes {
		fields = append(fields, FieldError{Field: string(p), Code: "CONSENT_REQUIRED"})
	}
	return ErrConsentRequired.WithFields(fields...)
}

// States of a Consent.
const (
	ConsentNone      = "none"
	ConsentGiven     = "given"
	ConsentOutdated  = "outdated" // the text has changed since
	ConsentWithdrawn = "withdrawn"
)

// A Consent is what a citizen said to a text.
type Consent struct {
	ConsentText
	State       string
	GivenAt     *time.Time // nil: never
	WithdrawnAt *time.Time
}

func (a consents) consent(t ConsentText) Consent {
	consent := Consent{ConsentText: t, State: ConsentNone}
	c, found := a.latest[t.Purpose]
	if !found {
		return consent
	}
	if consent.WithdrawnAt = c.WithdrawnAt; c.How != store.ConsentRefused {
		consent.GivenAt = &c.GivenAt
	}
	switch {
	case c.WithdrawnAt != nil:
		consent.State = ConsentWithdrawn
	case c.Version != t.Version:
		consent.State = ConsentOutdated
	default:
		consent.State = ConsentGiven
	}
	return consent
}

// RequiresConsent reports whether each consent has to be given by GiveConsent.
func (s *Service) RequiresConsent() bool { return s.consentMode == ConsentRequired }

// Consents lists what the centre asks consent for, and what the citizen said.
func (s *Service) Consents(ctx context.Context, c Caller) ([]Consent, error) {
	a, err := s.agreed(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []Consent
	for _, t := range s.offeredConsents() {
		all = append(all, a.consent(t))
	}
	return all, nil
}

// GiveConsent records that the citizen agrees to the text of a version, which was shown.
func (s *Service) GiveConsent(ctx context.Context, c Caller, purpose, version string) (Consent, error) {
	text, err := s.consentText(purpose)
	switch {
	case err != nil:
		return Consent{}, err
	case version == "":
		return Consent{}, ErrBadRequest.WithFields(FieldError{Field: "version", Code: "REQUIRED"})
	case text.Version != version:
		return Consent{}, ErrConsentOutdated
	}
	given := []store.Consent{{Purpose: purpose, Version: version, How: store.ConsentAsked}}
	if err := s.db.GiveConsents(ctx, c.Session, given); err != nil {
		return Consent{}, err
	}
	return s.consentNow(ctx, c, text)
}

// WithdrawConsent ends a consent. The link's is there as long as the link is, and that
// ends against the password: a borrowed phone must not be enough.
func (s *Service) WithdrawConsent(ctx context.Context, c Caller, purpose string) (Consent, error) {
	text, err := s.consentText(purpose)
	switch {
	case err != nil:
		return Consent{}, err
	case purpose == PurposeLink && c.Link != nil:
		return Consent{}, ErrConsentInUse
	}
	if err := s.db.WithdrawConsent(ctx, c.Session, purpose, text.Version); err != nil {
		return Consent{}, err
	}
	return s.consentNow(ctx, c, text)
}

func (s *Service) consentText(purpose string) (ConsentText, error) {
	texts := s.offeredConsents()
	i := slices.IndexFunc(texts, func(t ConsentText) bool { return t.Purpose == purpose })
	if i < 0 {
		return ConsentText{}, ErrBadRequest.WithFields(FieldError{Field: "purpose", Code: "UNKNOWN"})
	}
	return texts[i], nil
}

func (s *Service) consentNow(ctx context.Context, c Caller, t ConsentText) (Consent, error) {
	a, err := s.agreed(ctx, c)
	return a.consent(t), err
}
