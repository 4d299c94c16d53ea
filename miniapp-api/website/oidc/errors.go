package oidc

import (
	"context"
	"errors"
	"fmt"

	coreos "github.com/coreos/go-oidc/v3/oidc"
)

// The errors of Start and Finish. Their texts add a word that says what failed, and never a
// token, a claim or the issuer's text.
var (
	ErrUnavailable = errors.New("oidc: the issuer cannot be used")
	ErrDenied      = errors.New("oidc: the citizen cancelled at the issuer")
	ErrExpired     = errors.New("oidc: this sign-in is over")
	ErrRejected    = errors.New("oidc: the issuer's answer is rejected")
	ErrUnverified  = errors.New("oidc: the issuer has not verified the identity as required")
	ErrNoDocument  = errors.New("oidc: the issuer did not name the person and the document")
)

// down returns ErrUnavailable for a call that failed. It keeps a context error and the words of
// this package's transport, and drops all other texts, because they may quote the response.
func down(call string, err error) error {
	var t *transportError
	var other *coreos.IssuerMismatchError
	switch {
	case errors.As(err, &t):
		return fmt.Errorf("%w: %s: %s", ErrUnavailable, call, t.what)
	case errors.As(err, &other):
		return fmt.Errorf("%w: %s: metadata of another issuer", ErrUnavailable, call)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, call, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s: timeout", ErrUnavailable, call)
	}
	return fmt.Errorf("%w: %s: not as specified", ErrUnavailable, call)
}

// rejected returns ErrRejected for what was wrong.
func rejected(what string) error { return fmt.Errorf("%w: %s", ErrRejected, what) }
