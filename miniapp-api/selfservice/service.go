// Package selfservice implements what citizens may do with the link to their account and with
// its password, on every channel. It depends on no protocol: a channel passes the user as a
// Caller and implements IdentityProvider. A method of Service takes plain inputs, calls store
// methods, each one transaction, and returns plain values or an *Error, which the channel
// presents.
package selfservice

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A Config configures a Service. DB, Policy, Hasher, Provider, Proof and ConsentTexts are
// required.
type Config struct {
	DB       *store.DB
	Policy   *passwd.Policy
	Hasher   *passwd.Hasher
	Provider IdentityProvider
	Log      *slog.Logger

	Proof        Proof
	InitialProof Proof          // for initial passwords and those that must be changed; "" = Proof without the phone
	Reset        ResetProof     // "" = ResetCertify
	Transfer     TransferPolicy // the zero value permits transfers with a reset code only
	Consent      ConsentMode    // "" = ConsentRecorded
	ConsentTexts []ConsentText  // see ParseConsents

	SMS             bool           // codes and notices can be sent to the phone on file
	MessageTemplate string         // the template of notices to owners; "" = notices are only recorded
	Documents       *document.List // the centre's document codes; nil = the built-in list

	VerdictTime  time.Duration // limit of storing the verdict of an attempt; 0 = 2 s
	RegistryTime time.Duration // limit of reading the registry of channels; 0 = 2 s
}

// A Service implements the procedures of citizens. Its methods are safe for concurrent use.
type Service struct {
	db        *store.DB
	policy    *passwd.Policy
	hasher    *passwd.Hasher
	provider  IdentityProvider
	log       *slog.Logger
	accepted  proofs
	reset     ResetProof
	transfer  TransferPolicy
	template  string // of messages to owners; "" = none are sent
	sms       bool
	documents *document.List
	spraying  sprayGuard
	floor     refusalFloor
	consents  consentRules
	faces     faceVerifier
	registry  *channelRegistry

	verdictTime time.Duration
}

// New returns a Service, or an error that names the missing or invalid setting.
func New(c Config) (*Service, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	accepted, err := newProofs(c.Proof, c.InitialProof)
	if err != nil {
		return nil, err
	}
	l := c.Policy.Spraying
	return &Service{
		db: c.DB, policy: c.Policy, hasher: c.Hasher, provider: c.Provider, log: c.Log, accepted: accepted,
		reset: c.Reset, transfer: c.Transfer, template: c.MessageTemplate, sms: c.SMS, documents: c.Documents,
		spraying: sprayGuard{
			limits:  store.Spraying{PerUser: l.PerUser, PerAddress: l.PerAddress, PerMinute: l.PerMinute},
			certdoc: slices.Contains(accepted.union(), ProofCertdoc), log: c.Log,
		},
		consents: consentRules{
			db: c.DB, mode: c.Consent, texts: c.ConsentTexts, proofs: accepted.union(), messages: c.MessageTemplate != "", sms: c.SMS, provider: c.Provider,
		},
		faces:       faceVerifier{c.DB, c.Provider, c.Log},
		registry:    newChannelRegistry(c.DB, c.Log, cmp.Or(c.RegistryTime, defaultRegistryTime)),
		verdictTime: cmp.Or(c.VerdictTime, defaultVerdictTime),
	}, nil
}

// fill sets defaults. It returns an error that names the missing or invalid setting.
func (c *Config) fill() error {
	if c.DB == nil || c.Policy == nil || c.Hasher == nil || c.Provider == nil || c.ConsentTexts == nil {
		return errors.New("selfservice: DB, Policy, Hasher, Provider and ConsentTexts are required")
	}
	if !c.DB.HasPepper() {
		return errors.New("selfservice: DB needs the pepper")
	}
	if c.Reset = cmp.Or(c.Reset, ResetCertify); c.Reset != ResetCertify && c.Reset != ResetOff {
		return errors.New("selfservice: reset must be certify or off")
	}
	if c.Transfer.Offered && c.MessageTemplate == "" {
		return errors.New("selfservice: link transfers need MessageTemplate, because the holder must be notified first")
	}
	if c.Transfer.Window < 0 {
		return errors.New("selfservice: the window of a link transfer is negative")
	}
	if c.Consent = cmp.Or(c.Consent, ConsentRecorded); c.Consent != ConsentRecorded && c.Consent != ConsentRequired {
		return errors.New("selfservice: consent must be recorded or required")
	}
	if !c.SMS && (strings.Contains(string(c.Proof), string(ProofSMS)) || strings.Contains(string(c.InitialProof), string(ProofSMS))) {
		return errors.New("selfservice: the proof sms needs SMS")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Documents == nil {
		c.Documents = document.Default()
	}
	return nil
}

// Rules returns the rules for a new password in the form shown to citizens.
func (s *Service) Rules() []passwd.PublicRule { return s.policy.Public() }

// InitialHint tells citizens in Chinese how the city makes initial passwords, or is "".
func (s *Service) InitialHint() string { return s.policy.InitialHint() }

// OpenSession opens a session for a user whom the channel's provider has authenticated. tokenDigest is the
// SHA-256 of the bearer token. It returns the linked account, or nil if the user is not linked.
func (s *Service) OpenSession(ctx context.Context, channel Channel, tokenDigest []byte, visitor store.Visitor) (*store.Account, error) {
	session, err := s.db.OpenSession(ctx, string(channel), tokenDigest, visitor)
	if err != nil || session.Link == nil {
		return nil, err
	}
	account, err := s.db.LinkedAccount(ctx, session.Link.AccountID)
	return &account, err
}

// SignOut ends the caller's session.
func (s *Service) SignOut(ctx context.Context, c Caller) error {
	return s.db.EndSession(ctx, c.TokenDigest)
}

// CheckRenamed returns store.ErrRenamed if the caller's identifier changed while the request
// ran. Data that the request did not find may then exist under the new identifier.
func (s *Service) CheckRenamed(ctx context.Context, c Caller) error {
	if c.IdentityDigest == nil {
		return nil
	}
	renamed, err := s.db.Renamed(ctx, c.Session)
	if renamed {
		err = store.ErrRenamed
	}
	return err
}

// defaultRequestTime is the time limit of a request whose context has no deadline.
const defaultRequestTime = 5 * time.Second

// minDetachedTime is the minimum time of a Detached context.
const minDetachedTime = 500 * time.Millisecond

// Detached returns a context for work that must finish even if the client disconnects. It keeps
// the deadline of ctx, but ends no earlier than 500 ms from now.
func Detached(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(minDetachedTime)
	if end, ok := ctx.Deadline(); ok && end.After(until) {
		until = end
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}
