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

type consentsReply struct {
	Required bool          `json:"required"` // whether each needs its own POST /v1/consents
	Consents []consentView `json:"consents"`
}

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

func (s *Server) withdrawConsent(ctx context.Context, r Request, in withdrawRequest) (consentView, error) {
	consent, err := s.service.WithdrawConsent(ctx, r.Caller, in.Purpose)
	return viewOfConsent(consent), err
}
