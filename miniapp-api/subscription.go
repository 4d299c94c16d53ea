package miniapp

import (
	"context"

	"fundpass/store"
)

type subscriptionsReply struct {
	Templates []string `json:"templates"` // for my.requestSubscribeMessage; empty: this centre sends no messages
	State     string   `json:"state"`     // none, accepted, rejected, refused
}

// showSubscriptions says which templates the page should ask the citizen to subscribe to,
// and what is known of their answer.
func (s *Server) showSubscriptions(ctx context.Context, v visit, _ none) (subscriptionsReply, error) {
	if s.template == "" {
		return subscriptionsReply{[]string{}, store.SubscriptionNone}, nil
	}
	state, err := s.db.Subscription(ctx, v.Session, s.template)
	return subscriptionsReply{[]string{s.template}, state}, err
}

type subscriptionRequest struct {
	TemplateID string `json:"template_id"`
	Accepted   *bool  `json:"accepted"`
}

// noteSubscription keeps what Alipay told the page. It decides what is promised, and
// nothing else: whether a message arrives only Alipay knows, when it is sent.
func (s *Server) noteSubscription(ctx context.Context, v visit, in subscriptionRequest) (subscriptionsReply, error) {
	switch {
	case s.template == "":
		return subscriptionsReply{}, ErrNotOffered
	case in.TemplateID == "":
		return subscriptionsReply{}, ErrBadRequest.withFields(FieldError{Field: "template_id", Code: "REQUIRED"})
	case in.TemplateID != s.template: // another one by now
		return subscriptionsReply{}, ErrNotOffered
	case in.Accepted == nil:
		return subscriptionsReply{}, ErrBadRequest.withFields(FieldError{Field: "accepted", Code: "REQUIRED"})
	}
	state := store.SubscriptionRejected
	if *in.Accepted {
		state = store.SubscriptionAccepted
	}
	if err := s.db.NoteSubscription(ctx, v.Session, s.template, state); err != nil {
		return subscriptionsReply{}, err
	}
	return subscriptionsReply{[]string{s.template}, state}, nil
}

// notifies reports whether the owner can count on being told of what they do: the centre
// sends messages, they have not withdrawn their consent to them, and Alipay is known to
// take them for this user.
func (s *Server) notifies(ctx context.Context, v visit) bool {
	if s.template == "" {
		return false
	}
	a, err := s.agreed(ctx, v)
	if err != nil || a.latest[PurposeMessage].WithdrawnAt != nil {
		return false
	}
	state, err := s.db.Subscription(ctx, v.Session, s.template)
	return err == nil && state == store.SubscriptionAccepted
}
