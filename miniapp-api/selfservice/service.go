// Package selfservice holds what citizens may do with the link to their account and its
// password, on whatever channel. It knows no protocol: a channel says who calls, by a
// Caller, and proves who somebody is behind an IdentityProvider. A rule takes plain inputs,
// calls store methods, each one transaction, and returns plain values or an Error, which a
// channel presents.
package selfservice

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A Config is what a Service is made of. DB, Policy, Hasher, Provider, Proof and
// ConsentTexts are required.
type Config struct {
	DB       *store.DB
	Policy   *passwd.Policy
	Hasher   *passwd.Hasher
	Provider IdentityProvider
	Log      *slog.Logger

	Proof        Proof
	InitialProof Proof          // for initial passwords and those that must be changed; "" = Proof without the phone
	Reset        ResetProof     // "" = ResetCertify
	Transfer     TransferPolicy // of links to another user; the zero value: with a reset code only
	Consent      ConsentMode    // "" = ConsentRecorded
	ConsentTexts []ConsentText  // see ParseConsents

	MessageTemplate string         // by which notices to owners are sent; "" = they are only recorded
	Documents       *document.List // which document the centre means by which code; nil: the built-in list

	VerdictTime time.Duration // how long the verdict of an attempt may take to store; 0 = 2 s
}

// A Service holds the rules: what a citizen may do with link and password, whatever the
// channel. Its methods are safe for concurrent use.
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
	documents *document.List
	sprayed   sprayCounts
	floor     refusalFloor

	verdictTime time.Duration

	consentMode  ConsentMode
	consentTexts []ConsentText
}

// New returns a Service, or an error that names what is missing.
func New(c Config) (*Service, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	accepted, err := newProofs(c.Proof, c.InitialProof)
	if err != nil {
		return nil, err
	}
	return &Service{
		db: c.DB, policy: c.Policy, hasher: c.Hasher, provider: c.Provider, log: c.Log, accepted: accepted,
		reset: c.Reset, transfer: c.Transfer, template: c.MessageTemplate, documents: c.Documents,
		consentMode: c.Consent, consentTexts: c.ConsentTexts, verdictTime: cmp.Or(c.VerdictTime, usualVerdictTime),
	}, nil
}

// fill sets what is left out. It returns an error that names what is missing.
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
		return errors.New("selfservice: a link is only taken over once its holder was told, which needs MessageTemplate")
	}
	if c.Transfer.Window < 0 {
		return errors.New("selfservice: the window of a link transfer is below 0")
	}
	if c.Consent = cmp.Or(c.Consent, ConsentRecorded); c.Consent != ConsentRecorded && c.Consent != ConsentRequired {
		return errors.New("selfservice: consent must be recorded or required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Documents == nil {
		c.Documents = document.Default()
	}
	return nil
}

// Rules returns what a new password must be like, as every citizen reads it.
func (s *Service) Rules() []passwd.PublicRule { return s.policy.Public() }

// PasswordChannels returns where else the password is used.
func (s *Service) PasswordChannels() []passwd.Channel { return s.policy.Channels }

// SignIn opens the session of a user whom the channel has recognised. Of somebody who is
// linked it returns the account, too.
func (s *Service) SignIn(ctx context.Context, channel Channel, tokenDigest []byte, visitor store.Visitor) (*store.Account, error) {
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

// WhileMoved returns store.ErrRenamed if the caller's identifier was changed while the
// request ran: then what the request did not find may be there all the same.
func (s *Service) WhileMoved(ctx context.Context, c Caller) error {
	if c.IdentityDigest == nil {
		return nil
	}
	renamed, err := s.db.Renamed(ctx, c.Session)
	if renamed {
		err = store.ErrRenamed
	}
	return err
}

// usualTime is how long a request may take whose context says nothing else.
const usualTime = 5 * time.Second

// settleTime is for what must be finished although a request has used up its own time.
const settleTime = 500 * time.Millisecond

// Detached is for what must be finished although the caller has hung up: it ends when the
// request would, and not before settleTime.
func Detached(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(settleTime)
	if end, ok := ctx.Deadline(); ok && end.After(until) {
		until = end
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}
