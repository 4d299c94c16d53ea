package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// An accountView is an account as its owner sees it. Alipay's rules for personal data require
// masking even for the owner.
type accountView struct {
	Name      string `json:"name"`
	IDType    string `json:"id_type"`
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no"`
	Status    string `json:"status"` // GRZHZT
}

func viewOf(a store.Account) accountView {
	return accountView{
		Name:      document.MaskName(a.Person.Name),
		IDType:    a.Person.IDType,
		IDNumber:  document.MaskNumber(a.Person.IDNumber),
		AccountNo: document.MaskAccount(a.Person.AccountNo),
		Status:    a.Status,
	}
}

// A linkRequest is the form for every proof. The citizen fills it in once; the page sends it
// again with one more field when LINK_PROOF_REQUIRED asks for a proof.
type linkRequest struct {
	Name      string            `json:"name"`
	IDType    string            `json:"id_type"`
	IDNumber  string            `json:"id_number"`
	AccountNo string            `json:"account_no"`
	Password  passwd.Secret     `json:"password"`
	Encrypted *SealedForm       `json:"encrypted"`  // replaces password
	ResetCode passwd.Secret     `json:"reset_code"` // instead of a forgotten password
	Proof     selfservice.Proof `json:"proof"`      // "face", "phone" or "sms", the citizen's choice after LINK_PROOF_REQUIRED
	FaceFirst bool              `json:"face_first"` // verify the face first; the password is not sent yet
	FaceID    uuid.UUID         `json:"face_id"`    // of the verification that face_first started, once it has passed
	Transfer  bool              `json:"transfer"`   // request the link from another user if that is offered
}

type linkReply struct {
	Account       accountView `json:"account"`
	PasswordState string      `json:"password_state"`
}

func linkReplyOf(a store.Account) linkReply {
	return linkReply{Account: viewOf(a), PasswordState: selfservice.PasswordState(a.State, a.Status)}
}

func (s *Server) addLink(ctx context.Context, r Request, in linkRequest) (linkReply, error) {
	sent, err := s.unseal(ctx, r, passwords{Present: in.Password}, in.Encrypted)
	if err != nil {
		return linkReply{}, err
	}
	account, err := s.service.Link(ctx, r.Caller, selfservice.LinkInput{
		PersonInput: selfservice.PersonInput{Name: in.Name, IDType: in.IDType, IDNumber: in.IDNumber, AccountNo: in.AccountNo},
		Password:    sent.Present, ResetCode: in.ResetCode, Proof: in.Proof,
		FaceFirst: in.FaceFirst, FaceID: in.FaceID, TakeOver: in.Transfer,
	})
	return linkReplyOf(account), err
}

// A pendingView is the JSON form of a PendingLink.
type pendingView struct {
	ID         uuid.UUID `json:"id"`
	CertifyID  string    `json:"certify_id,omitempty"`  // for my.startAPVerify
	CertifyURL string    `json:"certify_url,omitempty"` // for my.startAPVerify
	Phone      string    `json:"phone,omitempty"`       // masked: a code was sent to it
	ExpiresAt  time.Time `json:"expires_at"`
}

type confirmLinkRequest struct {
	Code passwd.Secret `json:"code"` // that was sent by SMS
}

func (s *Server) confirmLink(ctx context.Context, r Request, in confirmLinkRequest) (linkReply, error) {
	account, err := s.service.ConfirmLink(ctx, r.Caller, r.ID, in.Code)
	return linkReplyOf(account), err
}

func (s *Server) showLink(ctx context.Context, r Request, _ none) (linkReply, error) {
	account, err := s.service.LinkedAccount(ctx, r.Caller)
	return linkReplyOf(account), err
}

type unlinkRequest struct {
	Password  passwd.Secret `json:"password"`
	Encrypted *SealedForm   `json:"encrypted"` // replaces password
}

// removeLink decrypts the password only if there is a link, so that a refusal does not spend
// the ticket.
func (s *Server) removeLink(ctx context.Context, r Request, in unlinkRequest) (none, error) {
	var sent passwords
	if r.Link != nil {
		var err error
		if sent, err = s.unseal(ctx, r, passwords{Present: in.Password}, in.Encrypted); err != nil {
			return none{}, err
		}
	}
	return none{}, s.service.Unlink(ctx, r.Caller, sent.Present)
}
