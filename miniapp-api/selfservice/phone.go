package selfservice

import (
	"context"
	"errors"

	"fundpass/miniapp-api/document"
	"fundpass/store"
)

// MayUsePhone returns ErrConsentRequired unless the citizen consented to the use of their phone
// number.
func (s *Service) MayUsePhone(ctx context.Context, c Caller) error {
	consents, err := s.consents.load(ctx, c)
	if err != nil {
		return err
	}
	return consents.require(ctx, PurposePhone)
}

// BindPhone binds a phone number that the channel has verified to the session. A payload
// belongs to the user who sent it first; from any other user it is ErrPhoneRefused. It returns
// whether the number is the one on file, or nil if the caller is not linked.
func (s *Service) BindPhone(ctx context.Context, c Caller, proof store.PhoneProof) (*bool, error) {
	err := s.db.BindPhone(ctx, c.Session, proof)
	switch {
	case errors.Is(err, store.ErrConflict):
		return nil, ErrPhoneRefused.WithCause(errPhoneReplayed)
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
