package selfservice

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A codePurpose is what a code to the phone on file is for.
type codePurpose string

const codeForSignIn codePurpose = "sign_in"

// SentCode is a code on its way to the phone on file.
type SentCode struct {
	ID        uuid.UUID
	Phone     string // masked
	ExpiresAt time.Time
}

// codes sends codes and checks them.
type codes interface {
	send(ctx context.Context, purpose codePurpose, a store.Account, binding []byte, channel Channel, network string) (SentCode, error)
	check(ctx context.Context, purpose codePurpose, a store.Account, binding []byte, id uuid.UUID, code passwd.Secret) error
}

// sendCode sends a code for a purpose to the phone on file of the account's holder.
func (s *Service) sendCode(ctx context.Context, purpose codePurpose, a store.Account, binding []byte, channel Channel, network string) (SentCode, error) {
	if s.codes == nil {
		return SentCode{}, ErrSignInCode
	}
	return s.codes.send(ctx, purpose, a, binding, channel, network)
}

// checkCode checks a code that sendCode has sent.
func (s *Service) checkCode(ctx context.Context, purpose codePurpose, a store.Account, binding []byte, id uuid.UUID, code passwd.Secret) error {
	if s.codes == nil {
		return ErrSignInCode
	}
	return s.codes.check(ctx, purpose, a, binding, id, code)
}
