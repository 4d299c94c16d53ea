package selfservice

import (
	"context"

	"fundpass/store"
)

// A Subscription is what is known of a citizen's answer to a template of messages.
type Subscription struct {
	Template string // "" = this centre sends no messages
	State    string
}

// Subscription says which template the page should ask the citizen to subscribe to, and
// what is known of their answer.
func (s *Service) Subscription(ctx context.Context, c Caller) (Subscription, error) {
	if s.template == "" {
		return Subscription{State: store.SubscriptionNone}, nil
	}
	state, err := s.db.Subscription(ctx, c.Session, s.template)
	return Subscription{s.template, state}, err
}

// NoteSubscription keeps what the page was told. It decides what is promised, and
// nothing else: whether a message arrives is only known when it is sent.
func (s *Service) NoteSubscription(ctx context.Context, c Caller, template string, accepted *bool) (Subscription, error) {
	switch {
	case s.template == "":
		return Subscription{}, ErrNotOffered
	case template == "":
		return Subscription{}, ErrBadRequest.WithFields(FieldError{Field: "template_id", Code: "REQUIRED"})
	case template != s.template: // another one by now
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

// notifies reports whether the owner can count on being told of what they do: the centre
// sends messages, they have not withdrawn their consent to them, and messages are known to
// be taken for this user.
func (s *Service) notifies(ctx context.Context, c Caller) bool {
	if s.template == "" {
		return false
	}
	a, err := s.agreed(ctx, c)
	if err != nil || a.latest[PurposeMessage].WithdrawnAt != nil {
		return false
	}
	state, err := s.db.Subscription(ctx, c.Session, s.template)
	return err == nil && state == store.SubscriptionAccepted
}
