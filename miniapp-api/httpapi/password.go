package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A passwordReply has what the first page needs in one request. The rules contain their checks,
// which the page runs while the citizen types.
type passwordReply struct {
	State       string              `json:"state"`
	ChangedAt   *time.Time          `json:"changed_at"`
	Remaining   int                 `json:"remaining_attempts"`
	LockedUntil *time.Time          `json:"locked_until"`
	Rules       []passwd.PublicRule `json:"rules"`
	Channels    []channelNote       `json:"channels"`          // other channels with this password
	Separate    []channelNote       `json:"separate_channels"` // channels with another one
	Reset       bool                `json:"reset_offered"`     // by face verification; a reset code always works
	ResetBySMS  bool                `json:"sms_reset_offered"`

	OpenChange *openStepView `json:"open_change"` // null if there is none
	OpenReset  *openStepView `json:"open_reset"`  // null if there is none
}

// An openStepView is an open change or reset, as the owner sees it. Only the session that
// opened it gets its id.
type openStepView struct {
	ID        *uuid.UUID `json:"id"` // null if opened elsewhere
	OpenedAt  time.Time  `json:"opened_at"`
	Channel   string     `json:"channel"`
	ExpiresAt time.Time  `json:"expires_at"`
}

// viewOfStep returns the view of a step, or nil. Without the id another session cannot confirm
// the step, but its owner sees that it is open, and where.
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

// A channelNote is what to say of the password on another channel.
type channelNote struct {
	ID      selfservice.Channel `json:"id"`
	Name    string              `json:"name"`
	Text    string              `json:"text"`
	Charset string              `json:"charset,omitempty"`
}

func notesOf(all []selfservice.PasswordChannel) []channelNote {
	notes := make([]channelNote, len(all)) // a list, never null
	for i, c := range all {
		notes[i] = channelNote{c.ID, c.Name, c.Text, c.Charset}
	}
	return notes
}

// showPassword returns the first page of 我的密码: state, attempts left and rules.
func (s *Server) showPassword(ctx context.Context, r Request, _ none) (passwordReply, error) {
	status, err := s.service.Password(ctx, r.Caller)
	if err != nil {
		return passwordReply{}, err
	}
	shared, separate, err := s.service.PasswordChannels(ctx, s.channel)
	return passwordReply{
		State: status.State, ChangedAt: status.ChangedAt, Remaining: status.Remaining, LockedUntil: status.LockedUntil,
		Rules:    s.rules,
		Channels: notesOf(shared), Separate: notesOf(separate),
		Reset: status.ResetOffered, ResetBySMS: s.service.OffersSMS(),

		OpenChange: viewOfStep(status.OpenChange), OpenReset: viewOfStep(status.OpenReset),
	}, err
}

type freezeReply struct {
	State string `json:"state"`
}

// freeze returns ErrSessionExpired for an ended session, whether this request's first run ended
// it or not: the citizen signs in and sees the state.
func (s *Server) freeze(ctx context.Context, r Request, _ none) (freezeReply, error) {
	if r.SessionEnded {
		return freezeReply{}, selfservice.ErrSessionExpired
	}
	return freezeReply{store.PasswordFrozen}, s.service.Freeze(ctx, r.Caller)
}
