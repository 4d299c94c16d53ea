package selfservice

import (
	"context"

	"fundpass/store"
)

// A Subscription is a citizen's answer to a message template.
type Subscription struct {
	Template string // "" if the centre sends no messages
	State    string
}

// Subscription returns the template that the page should offer and the citizen's last known
// answer.
func (s *Service) Subscription(ctx context.Context, c Caller) (Subscription, error) {
	if s.template == "" {
		return Subscription{State: store.SubscriptionNone}, nil
	}
	state, err := s.db.Subscription(ctx, c.Session, s.template)
	return Subscription{s.template, state}, err
}

// RecordSubscription stores the citizen's answer to a template. The answer only decides whether
// a reply promises a notice; delivery is attempted in any case. It returns ErrNotOffered if the
// template is not the current one.
func (s *Service) RecordSubscription(ctx context.Context, c Caller, template string, accepted *bool) (Subscription, error) {
	switch {
	case s.template == "":
		return Subscription{}, ErrNotOffered
	case template == "":
		return Subscription{}, ErrBadRequest.WithFields(FieldError{Field: "template_id", Code: "REQUIRED"})
	case template != s.template: // the template was replaced
		return Subscription{}, ErrNotOffered
	case accepted == nil:
		return Subscription{}, ErrBadRequest.WithFields(FieldError{Field: "accepted", Code: "REQUIRED"})
	}
	state := store.SubscriptionRejected
	if *accepted {
		state = store.SubscriptionAccepted
	}
	if err := s.db.NoteSubscription(ctx, c.Session, s.template, state); err != nil {
		return Subscription{}, err
	}
	return Subscription{s.template, state}, nil
}

// notifies reports whether the owner can expect a notice: the centre sends messages, the owner
// has not withdrawn consent to them, and has subscribed to the template.
func (s *Service) notifies(ctx context.Context, c Caller) bool {
	if s.template == "" {
		return false
	}
	a, err := s.consents.load(ctx, c)
	if err != nil || a.latest[PurposeMessage].WithdrawnAt != nil {
		return false
	}
	state, err := s.db.Subscription(ctx, c.Session, s.template)
	return err == nil && state == store.SubscriptionAccepted
}
