package selfservice

import (
	"context"
	"errors"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// MayUsePhone says whether the citizen agreed to have their phone number used.
func (s *Service) MayUsePhone(ctx context.Context, c Caller) error {
	agreed, err := s.agreed(ctx, c)
	if err != nil {
		return err
	}
	return agreed.needs(ctx, PurposePhone)
}

// BindPhone binds a phone number, which the channel has verified, to the session. What the
// number came with belongs to the user who sent it first. It returns whether it is the
// number on file; nil before the link.
func (s *Service) BindPhone(ctx context.Context, c Caller, proof store.PhoneProof) (*bool, error) {
	err := s.db.BindPhone(ctx, c.Session, proof)
	switch {
	case errors.Is(err, store.ErrConflict):
		return nil, ErrPhoneRefused.Because(errPhoneReplayed)
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrSessionExpired
	case err != nil:
		return nil, err
	case c.Link == nil:
		return nil, nil
	}
	account, err := s.LinkedAccount(ctx, c)
	if err != nil {
		return nil, err
	}
	return new(document.Mobile(account.Person.Phone) == proof.Mobile), nil
}

var errPhoneReplayed = errors.New("selfservice: another user has sent this phone payload before")
