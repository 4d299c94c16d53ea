package httpapi

import (
	"context"

	"fundpass/miniapp-api/selfservice"
)

// In a subscriptionsReply Templates is a list, because the client's function takes one; a
// centre has at most one template.
type subscriptionsReply struct {
	Templates []string `json:"templates"` // for my.requestSubscribeMessage; empty if the centre sends no messages
	State     string   `json:"state"`     // none, accepted, rejected, refused
}

// In a subscriptionRequest Accepted is a pointer, because a field that the page forgot must not
// count as a refusal.
type subscriptionRequest struct {
	TemplateID string `json:"template_id"`
	Accepted   *bool  `json:"accepted"`
}

func subscriptionsReplyOf(s selfservice.Subscription) subscriptionsReply {
	reply := subscriptionsReply{[]string{}, s.State}
	if s.Template != "" {
		reply.Templates = append(reply.Templates, s.Template)
	}
	return reply
}

func (s *Server) showSubscriptions(ctx context.Context, r Request, _ none) (subscriptionsReply, error) {
	subscription, err := s.service.Subscription(ctx, r.Caller)
	return subscriptionsReplyOf(subscription), err
}

func (s *Server) recordSubscription(ctx context.Context, r Request, in subscriptionRequest) (subscriptionsReply, error) {
	subscription, err := s.service.RecordSubscription(ctx, r.Caller, in.TemplateID, in.Accepted)
	return subscriptionsReplyOf(subscription), err
}
