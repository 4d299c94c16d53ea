package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

type passwordReply struct {
	State       string              `json:"state"`
	ChangedAt   *time.Time          `json:"changed_at"`
	Remaining   int                 `json:"remaining_attempts"`
	LockedUntil *time.Time          `json:"locked_until"`
	Rules       []passwd.PublicRule `json:"rules"`
	Channels    []passwd.Channel    `json:"channels"`
	Reset       bool                `json:"reset_offered"` // by identity verification; a reset code always works

	OpenChange *openStepView `json:"open_change"` // null: none
	OpenReset  *openStepView `json:"open_reset"`  // null: none
}

// An openStepView is a change or reset that is not finished, as the owner sees it. Its
// id is for who began it.
type openStepView struct {
	ID        *uuid.UUID `json:"id"` // null: begun elsewhere
	OpenedAt  time.Time  `json:"opened_at"`
	Channel   string     `json:"channel"`
	ExpiresAt time.Time  `json:"expires_at"`
}

func viewOfStep(step *store.OpenStep) *openStepView {
	if step == nil {
		return nil
	}
	view := &openStepView{nil, step.OpenedAt, step.Channel, step.ExpiresAt}
	if step.Own {
		view.ID = &step.ID
	}
	return view
}

// showPassword is the first page of 我的密码: state, attempts left, rules.
func (s *Server) showPassword(ctx context.Context, r Request, _ none) (passwordReply, error) {
	status, err := s.service.Password(ctx, r.Caller)
	return passwordReply{
		State: status.State, ChangedAt: status.ChangedAt, Remaining: status.Remaining, LockedUntil: status.LockedUntil,
		Rules:    s.rules,
		Channels: append([]passwd.Channel{}, s.service.PasswordChannels()...), // a list, never null
		Reset:    status.ResetOffered,

		OpenChange: viewOfStep(status.OpenChange), OpenReset: viewOfStep(status.OpenReset),
	}, err
}

type freezeReply struct {
	State string `json:"state"`
}

// freeze does not ask whether a session that has ended was ended by this request's first
// run or otherwise: the citizen signs in and looks.
func (s *Server) freeze(ctx context.Context, r Request, _ none) (freezeReply, error) {
	if r.SessionEnded {
		return freezeReply{}, selfservice.ErrSessionExpired
	}
	return freezeReply{store.PasswordFrozen}, s.service.Freeze(ctx, r.Caller)
}
