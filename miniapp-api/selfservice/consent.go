package selfservice

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"fundpass/store"
)

// A ConsentMode says how a centre obtains consent. In both modes only POST /v1/consents renews
// a consent that was withdrawn.
type ConsentMode string

// The consent modes.
const (
	// ConsentRecorded treats the submission of a form as consent to the text shown beside
	// it, and records it with the text's version.
	ConsentRecorded ConsentMode = "recorded"

	// ConsentRequired demands a separate call for each consent, to the current text.
	ConsentRequired ConsentMode = "required"
)

// The purposes of consents: the link, each proof, and messages to the owner. PIPL articles
// 14, 15 and 29 require separate consent for sensitive data.
const (
	PurposeLink    = "link"
	PurposeCertdoc = string(ProofCertdoc)
	PurposeFace    = string(ProofFace)
	PurposePhone   = string(ProofPhone)
	PurposeMessage = "message"
)

// A ConsentText is a text that citizens consent to. A changed Text needs a new Version.
type ConsentText struct {
	// Provider is store.ProviderCentre for the users of the website and the app, who are the
	// same to the centre on both and consent once; "" for those of the identity provider.
	Provider string `json:"provider,omitempty"`
	Purpose  string `json:"purpose"`
	Version  string `json:"version"` // 1 to 32 bytes
	Text     string `json:"text"`    // Chinese
}

// centreConsents are the texts for the users of the website and the app of a centre without its
// own. No third party gets their data, and the centre needs no consent to serve them (PIPL
// article 13), so the only choice is about messages.
var centreConsents = []ConsentText{{
	Provider: store.ProviderCentre, Purpose: PurposeMessage, Version: "1",
	Text: "我同意在修改、重置、冻结密码和增加登录设备后，发短信到我在公积金中心预留的手机提醒我本人。不再同意后将收不到提醒短信，密码被他人修改时可能无法及时知道。验证码和关于他人操作的短信不受影响。",
}}

// purposesOf are the purposes of each provider's texts.
var purposesOf = map[string][]string{
	"":                   {PurposeLink, PurposeCertdoc, PurposeFace, PurposePhone, PurposeMessage},
	store.ProviderCentre: {PurposeMessage},
}

// ParseConsents parses a JSON list of purpose, version and text, and of provider where that is
// store.ProviderCentre. The list must name each purpose of the identity provider exactly once,
// and may have the texts for the website and the app.
func ParseConsents(raw []byte) ([]ConsentText, error) {
	var texts []ConsentText
	if err := json.Unmarshal(raw, &texts, json.RejectUnknownMembers(true)); err != nil {
		return nil, errors.New("selfservice: consents are not a JSON list of purpose, version and text")
	}
	missing := map[string][]string{}
	for provider, purposes := range purposesOf {
		missing[provider] = slices.Clone(purposes)
	}
	for _, t := range texts {
		wanted := missing[t.Provider]
		i := slices.Index(wanted, t.Purpose)
		if i < 0 || t.Version == "" || len(t.Version) > 32 || t.Text == "" {
			return nil, errors.New("selfservice: a consent's provider or purpose is unknown or there twice, or its version or text is missing or too long")
		}
		missing[t.Provider] = slices.Delete(wanted, i, i+1)
	}
	if len(missing[""]) > 0 {
		return nil, errors.New("selfservice: no text for consent " + missing[""][0])
	}
	return texts, nil
}

// A consentRules is what a centre asks consent for, and how.
type consentRules struct {
	db       *store.DB
	mode     ConsentMode
	texts    []ConsentText
	proofs   []Proof // that may be accepted
	messages bool    // the centre sends messages to the provider's users
	sms      bool    // the centre sends SMS
	provider IdentityProvider
}

// textsOf returns the texts for a caller, in the file's order.
func (r *consentRules) textsOf(c Caller) []ConsentText {
	var own []ConsentText
	for _, t := range r.texts {
		if (t.Provider == store.ProviderCentre) == (c.Provider == store.ProviderCentre) {
			own = append(own, t)
		}
	}
	if own == nil && c.Provider == store.ProviderCentre {
		return centreConsents
	}
	return own
}

// offered returns the texts for a caller whose purposes this centre uses.
func (r *consentRules) offered(c Caller) []ConsentText {
	return slices.DeleteFunc(slices.Clone(r.textsOf(c)), func(t ConsentText) bool {
		switch {
		case t.Purpose == PurposeLink:
			return false
		case t.Provider == store.ProviderCentre:
			return !r.sms
		case t.Purpose == PurposeMessage:
			return !r.messages
		}
		used := slices.Contains(r.proofs, Proof(t.Purpose)) || t.Purpose == PurposePhone && r.provider.OffersPhone()
		return !used
	})
}

// offeredText returns the text of a purpose, or ErrBadRequest if the centre does not use it.
func (r *consentRules) offeredText(c Caller, purpose string) (ConsentText, error) {
	texts := r.offered(c)
	i := slices.IndexFunc(texts, func(t ConsentText) bool { return t.Purpose == purpose })
	if i < 0 {
		return ConsentText{}, ErrBadRequest.WithFields(FieldError{Field: "purpose", Code: "UNKNOWN"})
	}
	return texts[i], nil
}

// A consentSet is what one caller has consented to so far.
type consentSet struct {
	*consentRules
	c      Caller
	latest map[string]store.Consent
}

// load returns what a caller has consented to.
func (r *consentRules) load(ctx context.Context, c Caller) (consentSet, error) {
	latest, err := r.db.Consents(ctx, c.Session)
	return consentSet{r, c, latest}, err
}

// text returns the current text of a purpose, or the zero value for a purpose without one, such
// as ProofNone.
func (a consentSet) text(purpose string) ConsentText {
	texts := a.textsOf(a.c)
	i := slices.IndexFunc(texts, func(t ConsentText) bool { return t.Purpose == purpose })
	if i < 0 {
		return ConsentText{}
	}
	return texts[i]
}

// current reports whether the caller consented to the current text.
func (a consentSet) current(purpose string) bool {
	c, found := a.latest[purpose]
	return found && c.WithdrawnAt == nil && c.Version == a.text(purpose).Version
}

// allows reports whether the caller's data may be used for a purpose.
func (a consentSet) allows(purpose string) bool {
	if a.text(purpose) == (ConsentText{}) {
		return true
	}
	if a.mode == ConsentRequired {
		return a.current(purpose)
	}
	return a.latest[purpose].WithdrawnAt == nil
}

// require returns ErrConsentRequired unless every purpose is allowed. In mode recorded it
// records the consent that submitting the form expresses.
func (a consentSet) require(ctx context.Context, purposes ...string) error {
	var missing []Proof
	for _, p := range purposes {
		if !a.allows(p) {
			missing = append(missing, Proof(p))
		}
	}
	if len(missing) > 0 {
		return consentRequired(missing)
	}
	return a.record(ctx, purposes...)
}

// record stores, in mode recorded, consent to the current texts of the purposes.
func (a consentSet) record(ctx context.Context, purposes ...string) error {
	var fresh []store.Consent
	for _, p := range purposes {
		if t := a.text(p); t != (ConsentText{}) && !a.current(p) {
			fresh = append(fresh, store.Consent{Purpose: p, Version: t.Version, How: store.ConsentByForm})
		}
	}
	if len(fresh) == 0 || a.mode == ConsentRequired {
		return nil
	}
	return a.db.GiveConsents(ctx, a.c.Session, fresh)
}

// permittedProofs returns the accepted proofs that the caller consented to. It returns
// ErrConsentRequired if that is none, or if the link itself is not consented to.
func (a consentSet) permittedProofs(ctx context.Context, accepted []Proof) ([]Proof, error) {
	may := slices.DeleteFunc(slices.Clone(accepted), func(p Proof) bool { return !a.allows(string(p)) })
	switch {
	case !a.allows(PurposeLink) && len(may) == 0:
		return nil, consentRequired(append([]Proof{PurposeLink}, accepted...))
	case !a.allows(PurposeLink):
		return nil, consentRequired([]Proof{PurposeLink})
	case len(may) == 0:
		return nil, consentRequired(accepted)
	case slices.Contains(may, ProofCertdoc):
		return may, a.record(ctx, PurposeLink, PurposeCertdoc)
	}
	return may, a.record(ctx, PurposeLink)
}

// consentRequired returns ErrConsentRequired with the purposes as fields, in the given order.
func consentRequired(purposes []Proof) *Error {
	var fields []FieldError
	for _, p := range purposes {
		fields = append(fields, FieldError{Field: string(p), Code: "CONSENT_REQUIRED"})
	}
	return ErrConsentRequired.WithFields(fields...)
}

// The states of a Consent.
const (
	ConsentNone      = "none"
	ConsentGiven     = "given"
	ConsentOutdated  = "outdated" // the text has changed since
	ConsentWithdrawn = "withdrawn"
)

// A Consent is a text and the citizen's answer to it.
type Consent struct {
	ConsentText
	State       string
	GivenAt     *time.Time // nil if never
	WithdrawnAt *time.Time
}

func (a consentSet) consent(t ConsentText) Consent {
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

// RequiresConsent reports whether each consent needs its own call of GiveConsent.
func (s *Service) RequiresConsent() bool { return s.consents.mode == ConsentRequired }

// Consents returns the texts that this centre asks consent for, with the citizen's answers.
func (s *Service) Consents(ctx context.Context, c Caller) ([]Consent, error) {
	a, err := s.consents.load(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []Consent
	for _, t := range s.consents.offered(c) {
		all = append(all, a.consent(t))
	}
	return all, nil
}

// GiveConsent records consent to the given version of a text. It returns ErrConsentOutdated if
// the current text has another version.
func (s *Service) GiveConsent(ctx context.Context, c Caller, purpose, version string) (Consent, error) {
	text, err := s.consents.offeredText(c, purpose)
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
	return s.consents.answer(ctx, c, text)
}

// WithdrawConsent withdraws a consent. It returns ErrConsentInUse for PurposeLink while the
// caller is linked: Unlink requires the password, because a borrowed phone must not be enough.
func (s *Service) WithdrawConsent(ctx context.Context, c Caller, purpose string) (Consent, error) {
	text, err := s.consents.offeredText(c, purpose)
	switch {
	case err != nil:
		return Consent{}, err
	case purpose == PurposeLink && c.Link != nil:
		return Consent{}, ErrConsentInUse
	}
	if err := s.db.WithdrawConsent(ctx, c.Session, purpose, text.Version); err != nil {
		return Consent{}, err
	}
	return s.consents.answer(ctx, c, text)
}

// answer returns a text and the caller's latest answer to it.
func (r *consentRules) answer(ctx context.Context, c Caller, t ConsentText) (Consent, error) {
	a, err := r.load(ctx, c)
	return a.consent(t), err
}
