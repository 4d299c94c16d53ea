package miniapp

import (
	"context"
	"errors"

	"fundpass/store"
)

type freezeReply struct {
	State string `json:"state"`
}

// freeze is 不是我: one tap, and the password opens nothing any more. No
// password is asked for: whoever holds the owner's Alipay may protect the
// account, and so may whoever held the link until it was taken over, for some days. It
// ends every session, this one too; the way back is a reset by identity verification,
// or the counter.
func (s *Server) freeze(ctx context.Context, v visit, _ none) (freezeReply, error) {
	switch {
	case v.Gone: // by this request's first run or otherwise: log in and look
		return freezeReply{}, ErrSessionExpired
	}
	how := s.db.Freeze
	if v.Link == nil {
		how = s.db.FreezeAsFormerHolder
	}
	err := how(ctx, v.Session)
	if errors.Is(err, store.ErrNotFound) {
		return freezeReply{}, ErrNotLinked
	} else if err != nil {
		return freezeReply{}, err
	}
	return freezeReply{store.PasswordFrozen}, nil
}

// unfrozen keeps a frozen password from being guessed at: the owner knows that
// it is frozen, so nothing is looked at and nothing charged.
func unfrozen(v visit) error {
	if v.Link != nil && v.Link.Password.State == store.PasswordFrozen {
		return ErrPasswordFrozen
	}
	return nil
}
