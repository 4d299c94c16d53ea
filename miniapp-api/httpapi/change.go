package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

type openChangeRequest struct {
	IDNumber    string        `json:"id_number"`
	OldPassword passwd.Secret `json:"old_password"`
	Encrypted   *SealedForm   `json:"encrypted"` // replaces old_password
}

// A changeReply also answers a page that has lost the reply to a confirm and asks whether the
// password was changed.
type changeReply struct {
	ID        uuid.UUID     `json:"id"`
	State     string        `json:"state"`
	ExpiresAt *time.Time    `json:"expires_at,omitempty"` // while open
	Replaced  *openStepView `json:"replaced,omitempty"`   // the change that this one cancelled
}

func changeReplyOf(c store.Change) changeReply {
	reply := changeReply{ID: c.ID, State: c.State}
	if c.State == store.ChangeOpen {
		reply.ExpiresAt = &c.ExpiresAt
	}
	return reply
}

// openChange decrypts passwords only if a change is possible, so that a refusal does not spend
// the ticket.
func (s *Server) openChange(ctx context.Context, r Request, in openChangeRequest) (changeReply, error) {
	if err := s.service.MayChange(r.Caller); err != nil {
		return changeReply{}, err
	}
	sent, err := s.unseal(ctx, r, passwords{Present: in.OldPassword}, in.Encrypted)
	if err != nil {
		return changeReply{}, err
	}
	change, err := s.service.OpenChange(ctx, r.Caller, selfservice.ChangeInput{IDNumber: in.IDNumber, OldPassword: sent.Present})
	reply := changeReplyOf(change)
	reply.Replaced = viewOfStep(change.Replaced)
	return reply, err
}

type confirmRequest struct {
	New       passwd.Secret `json:"new_password"`
	Again     passwd.Secret `json:"new_password_again"`
	Encrypted *SealedForm   `json:"encrypted"` // replaces both
}

// A confirmReply tells the citizen how many other sessions were ended: a number that surprises
// them is the sign of a stranger.
type confirmReply struct {
	ID            uuid.UUID  `json:"id"`
	State         string     `json:"state"`
	ChangedAt     *time.Time `json:"changed_at"`
	SessionsEnded int        `json:"sessions_ended"`
	Notified      bool       `json:"notified"` // whether a notice to the owner will be sent
}

func confirmReplyOf(d selfservice.Done) confirmReply {
	return confirmReply{d.ID, d.State, d.ChangedAt, d.SessionsEnded, d.Notified}
}

// A confirm is a method of Service that confirms a change, reset or recovery.
type confirm func(ctx context.Context, c selfservice.Caller, id uuid.UUID, in selfservice.NewPassword) (selfservice.Done, error)

// confirmHandler returns the handler of a confirm. A change, a reset and a recovery end with
// the same form.
func (s *Server) confirmHandler(confirm confirm) handler[confirmRequest, confirmReply] {
	return func(ctx context.Context, r Request, in confirmRequest) (confirmReply, error) {
		sent, err := s.unseal(ctx, r, passwords{New: in.New, Again: in.Again}, in.Encrypted)
		if err != nil {
			return confirmReply{}, err
		}
		done, err := confirm(ctx, r.Caller, r.ID, selfservice.NewPassword{Password: sent.New, Again: sent.Again})
		return confirmReplyOf(done), err
	}
}

func (s *Server) showChange(ctx context.Context, r Request, _ none) (changeReply, error) {
	change, err := s.service.Change(ctx, r.Caller, r.ID)
	return changeReplyOf(change), err
}

// cancelChange lets the citizen start anew on another channel at once: a person has one open
// change on all channels together.
func (s *Server) cancelChange(ctx context.Context, r Request, _ none) (changeReply, error) {
	change, err := s.service.CancelChange(ctx, r.Caller, r.ID)
	return changeReplyOf(change), err
}
