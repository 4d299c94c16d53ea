package app

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A forgottenRequest names a person who has forgotten the password.
type forgottenRequest struct {
	Name       string `json:"name"`
	IDType     string `json:"id_type"`  // 01 unless set
	Document   string `json:"document"` // its number
	AccountNo  string `json:"account_no"`
	DeviceName string `json:"device_name"`
	Platform   string `json:"platform"`
}

// A forgottenReply is the same whether or not there is such a person and a code was sent.
type forgottenReply struct {
	Ticket    string    `json:"ticket"` // for POST /v1/sessions/forgotten/code
	ExpiresAt time.Time `json:"expires_at"`
}

// startForgotten sends a code to the phone on file, if there is such a person.
func (h handlers) startForgotten(ctx context.Context, r httpapi.Request, in forgottenRequest) (forgottenReply, error) {
	step, err := h.app.service.StartForgotten(ctx, r.Caller, selfservice.PersonInput{
		Name: in.Name, IDType: cmp.Or(in.IDType, "01"), IDNumber: in.Document, AccountNo: in.AccountNo,
	}, &selfservice.Device{Thumbprint: r.Binding, Name: in.DeviceName, Platform: in.Platform})
	return forgottenReply{step.Ticket, step.Code.ExpiresAt}, inOwnFields(err)
}

// A provenReply is a session with a reset whose identity is proven: only the new password is
// missing.
type provenReply struct {
	httpapi.SessionReply
	Reset provenReset `json:"reset"`
}

type provenReset struct {
	ID        uuid.UUID `json:"id"` // for POST /v1/password/resets/{id}/confirm
	ExpiresAt time.Time `json:"expires_at"`
}

// finishForgotten opens the session of the person who gives the code. The device is known then.
func (h handlers) finishForgotten(ctx context.Context, r httpapi.Request, in codeRequest) (reply provenReply, err error) {
	reply.SessionReply, err = h.server.OpenSession(func(tokenDigest []byte) (*store.Account, error) {
		account, reset, err := h.app.service.FinishForgotten(ctx, r.Caller, in.Ticket, in.Code, tokenDigest)
		reply.Reset = provenReset{reset.ID, reset.ExpiresAt}
		return &account, err
	})
	return reply, err
}
