package alipay

import (
	"context"
	"errors"
	"sync/atomic"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/store"
)

// A Provider verifies Alipay's users. It implements selfservice.IdentityProvider.
type Provider struct {
	gateway *signing.Gateway
	content atomic.Pointer[[]byte] // AES content key
}

// NewProvider returns a Provider that calls g. contentKey is that of ReplaceContentKey.
func NewProvider(g *signing.Gateway, contentKey []byte) *Provider {
	p := &Provider{gateway: g}
	p.ReplaceContentKey(contentKey)
	return p
}

// ReplaceContentKey replaces the content-encryption key from Alipay's console: 16 bytes for
// AES-128, or nil if phone numbers are not offered. It is safe for concurrent use.
func (p *Provider) ReplaceContentKey(key []byte) { p.content.Store(&key) }

// OffersPhone implements IdentityProvider.
func (p *Provider) OffersPhone() bool { return *p.content.Load() != nil }

// MatchPerson implements IdentityProvider with Alipay's comparison of name and document.
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

// FaceResult implements IdentityProvider. It accepts only Alipay's signed answer.
func (p *Provider) FaceResult(ctx context.Context, kind, id string) (selfservice.FaceResult, error) {
	passed := p.gateway.CertificationPassed
	if kind == store.ResetByFace {
		passed = p.gateway.FaceVerificationPassed
	}
	verdict, err := passed(ctx, id)
	return selfservice.FaceResult(verdict), translate(err)
}

// A failure is an error of the gateway together with the error of selfservice that it means.
// Its text is the gateway's.
type failure struct{ means, err error }

// Error implements error.
func (f failure) Error() string { return f.err.Error() }

// Unwrap lets errors.Is match both errors.
func (f failure) Unwrap() []error { return []error{f.means, f.err} }

// As lets errors.As find ErrUnavailable, the reply to a failure that no procedure handles.
func (f failure) As(target any) bool {
	e, ok := target.(**selfservice.Error)
	if ok {
		*e = ErrUnavailable.WithCause(f.err)
	}
	return ok
}

// translate converts an error of the gateway to one of selfservice or of this channel.
func translate(err error) error {
	switch {
	case errors.Is(err, signing.ErrCodeInvalid):
		return httpapi.ErrAuthCodeInvalid.WithCause(err)
	case errors.Is(err, signing.ErrTokenInvalid):
		return selfservice.ErrSessionExpired.WithCause(err)
	case errors.Is(err, signing.ErrIDType):
		return selfservice.ErrDocumentUnsupported
	case errors.Is(err, signing.ErrConfiguration):
		return failure{selfservice.ErrProviderRefused, err}
	case errors.Is(err, signing.ErrUnavailable): // ErrForged, too
		return failure{selfservice.ErrProviderUnavailable, err}
	}
	return err
}
