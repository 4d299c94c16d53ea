package alipay

import (
	"context"
	"errors"
	"sync/atomic"

	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/store"
)

// A Provider has Alipay prove who its user is. It implements selfservice.IdentityProvider.
type Provider struct {
	gateway *signing.Gateway
	content atomic.Pointer[[]byte] // the content key
}

// NewProvider asks a gateway. See ReplaceContentKey about the key.
func NewProvider(g *signing.Gateway, contentKey []byte) *Provider {
	p := &Provider{gateway: g}
	p.ReplaceContentKey(contentKey)
	return p
}

// ReplaceContentKey is for a key that was changed in Alipay's console: 16 bytes of
// AES-128, or nil when phone numbers are no longer offered. Safe while serving.
func (p *Provider) ReplaceContentKey(key []byte) { p.content.Store(&key) }

// OffersPhone implements IdentityProvider.
func (p *Provider) OffersPhone() bool { return *p.content.Load() != nil }

// MatchPerson implements IdentityProvider: Alipay compares name and document of its user.
func (p *Provider) MatchPerson(ctx context.Context, accessToken string, who selfservice.Person) (bool, error) {
	matches, err := p.gateway.MatchPerson(ctx, accessToken, signing.Person(who))
	return matches, translate(err)
}

// FaceKind implements IdentityProvider.
func (p *Provider) FaceKind(idType, idNumber string) (string, error) {
	by, err := signing.VerificationFor(idType, idNumber)
	return string(by), translate(err)
}

// StartFace implements IdentityProvider.
func (p *Provider) StartFace(ctx context.Context, o selfservice.FaceOrder) (selfservice.FacePage, error) {
	start := p.gateway.StartCertification
	if o.Kind == store.ResetByFace {
		start = p.gateway.StartFaceVerification
	}
	page, err := start(ctx, signing.CertifyOrder{OrderNo: o.OrderNo, Person: signing.Person(o.Person)})
	return selfservice.FacePage(page), translate(err)
}

// FaceResult implements IdentityProvider. Only Alipay's signed answer counts.
func (p *Provider) FaceResult(ctx context.Context, kind, id string) (selfservice.FaceResult, error) {
	passed := p.gateway.CertificationPassed
	if kind == store.ResetByFace {
		passed = p.gateway.FaceVerificationPassed
	}
	verdict, err := passed(ctx, id)
	return selfservice.FaceResult(verdict), translate(err)
}

// A failure is an error of the gateway and what it means to the rules. It reads as the
// gateway's.
type failure struct{ means, err error }

// Error implements error.
func (f failure) Error() string { return f.err.Error() }

// Unwrap lets errors.Is find both.
func (f failure) Unwrap() []error { return []error{f.means, f.err} }

// As implements the interface of errors.As: a citizen is told of every failure that no rule
// handles that Alipay is away.
func (f failure) As(target any) bool {
	e, ok := target.(**selfservice.Error)
	if ok {
		*e = ErrUnavailable.Because(f.err)
	}
	return ok
}

// translate says what an error of the gateway means to the rules.
func translate(err error) error {
	switch {
	case errors.Is(err, signing.ErrCodeInvalid):
		return ErrAuthCodeInvalid.Because(err)
	case errors.Is(err, signing.ErrTokenInvalid):
		return selfservice.ErrSessionExpired.Because(err)
	case errors.Is(err, signing.ErrIDType):
		return selfservice.ErrDocumentUnsupported
	case errors.Is(err, signing.ErrConfiguration):
		return failure{selfservice.ErrProviderRefused, err}
	case errors.Is(err, signing.ErrUnavailable): // ErrForged, too
		return failure{selfservice.ErrProviderUnavailable, err}
	}
	return err
}
