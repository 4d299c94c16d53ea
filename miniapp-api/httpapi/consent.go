package httpapi

import (
	"context"
	"time"

	"fundpass/miniapp-api/selfservice"
)

type consentView struct {
	Purpose     string     `json:"purpose"`
	Version     string     `json:"version"`
	Text        string     `json:"text"`
	State       string     `json:"state"` // none, given, outdated (the text has changed since), withdrawn
	GivenAt     *time.Time `json:"given_at"`
	WithdrawnAt *time.Time `json:"withdrawn_at"`
}

// consentsReply lists every text that this centre uses, so that a page needs no list of its own
// and shows no text that the centre has no use for.
type consentsReply struct {
	Required bool          `json:"required"` // whether each needs its own POST /v1/consents
	Consents []consentView `json:"consents"`
}

// A consentRequest names the version that was shown: consent to a text that the citizen has not
// seen is void.
type consentRequest struct {
	Purpose string `json:"purpose"`
	Version string `json:"version"` // of the text that was shown
}

type withdrawRequest struct {
	Purpose string `json:"purpose"`
}

func viewOfConsent(c selfservice.Consent) consentView {
	return consentView{c.Purpose, c.Version, c.Text, c.State, c.GivenAt, c.WithdrawnAt}
}

func (s *Server) showConsents(ctx context.Context, r Request, _ none) (consentsReply, error) {
	all, err := s.service.Consents(ctx, r.Caller)
	reply := consentsReply{Required: s.service.RequiresConsent(), Consents: []consentView{}}
	for _, c := range all {
		reply.Consents = append(reply.Consents, viewOfConsent(c))
	}
	return reply, err
}

func (s *Server) giveConsent(ctx context.Context, r Request, in consentRequest) (consentView, error) {
	consent, err := s.service.GiveConsent(ctx, r.Caller, in.Purpose, in.Version)
	return viewOfConsent(consent), err
}

// withdrawConsent requires no password, because withdrawing a consent must be easy (PIPL
// article 15).
func (s *Server) withdrawConsent(ctx context.Context, r Request, in withdrawRequest) (consentView, error) {
	consent, err := s.service.WithdrawConsent(ctx, r.Caller, in.Purpose)
	return viewOfConsent(consent), err
}
