package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

type openResetRequest struct {
	Code  passwd.Secret     `json:"code"`  // from a clerk; replaces the face verification
	Proof selfservice.Proof `json:"proof"` // "face", "sms", or "" for the face
}

type resetReply struct {
	ID         uuid.UUID  `json:"id"`
	State      string     `json:"state"`
	CertifyID  string     `json:"certify_id,omitempty"`  // for my.startAPVerify, once
	CertifyURL string     `json:"certify_url,omitempty"` // for my.startAPVerify, once
	Phone      string     `json:"phone,omitempty"`       // masked: a code was sent to it
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`  // while open
}

func resetReplyOf(r selfservice.Reset) resetReply {
	reply := resetReply{ID: r.ID, State: r.State, CertifyID: r.Page.ID, CertifyURL: r.Page.URL, Phone: r.Phone}
	if !r.ExpiresAt.IsZero() {
		reply.ExpiresAt = &r.ExpiresAt
	}
	return reply
}

// openReset decrypts nothing: a reset code is no password and expires with its first use, so
// pages send it as it is.
func (s *Server) openReset(ctx context.Context, r Request, in openResetRequest) (resetReply, error) {
	var reset selfservice.Reset
	bySMS, err := readProof(in.Proof)
	switch {
	case err != nil:
	case bySMS && !in.Code.Empty():
		err = selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "code", Code: "INVALID"})
	case bySMS:
		reset, err = s.service.OpenResetBySMS(ctx, r.Caller)
	default:
		reset, err = s.service.OpenReset(ctx, r.Caller, in.Code)
	}
	return resetReplyOf(reset), err
}

// readProof reports whether a citizen chose a code by SMS instead of the face. It refuses other
// values instead of starting a face verification, which is billed.
func readProof(p selfservice.Proof) (bySMS bool, err error) {
	switch p {
	case "", selfservice.ProofFace:
		return false, nil
	case selfservice.ProofSMS:
		return true, nil
	}
	return false, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "proof", Code: "UNKNOWN"})
}

type codeRequest struct {
	Code passwd.Secret `json:"code"`
}

// passHandler returns the handler of a code that was sent by SMS. It is apart from the confirm,
// so that a citizen who mistypes the new password keeps the code's result.
func (s *Server) passHandler(pass func(context.Context, selfservice.Caller, uuid.UUID, passwd.Secret) (selfservice.Reset, error)) func(context.Context, Request, codeRequest) (resetReply, error) {
	return func(ctx context.Context, r Request, in codeRequest) (resetReply, error) {
		reset, err := pass(ctx, r.Caller, r.ID, in.Code)
		return resetReplyOf(reset), err
	}
}

// showReset also tells a page that comes back from the verification whether it was passed.
func (s *Server) showReset(ctx context.Context, r Request, _ none) (resetReply, error) {
	reset, err := s.service.Reset(ctx, r.Caller, r.ID)
	return resetReplyOf(reset), err
}

func (s *Server) cancelReset(ctx context.Context, r Request, _ none) (resetReply, error) {
	reset, err := s.service.CancelReset(ctx, r.Caller, r.ID)
	return resetReplyOf(reset), err
}

// A recoveryRequest names the person. There is no password that could prove them, so the answer
// is the same whether or not the centre knows the person.
type recoveryRequest struct {
	Name      string `json:"name"`
	IDType    string `json:"id_type"`
	IDNumber  string `json:"id_number"`
	AccountNo string `json:"account_no"`

	Proof selfservice.Proof `json:"proof"` // as of openResetRequest
}

// A recoveryReply contains the rules, because GET /v1/password requires a link, which this
// citizen does not have yet.
type recoveryReply struct {
	ID         uuid.UUID           `json:"id"`
	State      string              `json:"state"`
	CertifyID  string              `json:"certify_id,omitempty"`  // for my.startAPVerify
	CertifyURL string              `json:"certify_url,omitempty"` // for my.startAPVerify
	ExpiresAt  time.Time           `json:"expires_at"`
	Rules      []passwd.PublicRule `json:"rules"` // of the new password
}

func (s *Server) openRecovery(ctx context.Context, r Request, in recoveryRequest) (recoveryReply, error) {
	bySMS, err := readProof(in.Proof)
	if err != nil {
		return recoveryReply{}, err
	}
	open := s.service.OpenRecovery
	if bySMS {
		open = s.service.OpenRecoveryBySMS
	}
	reset, err := open(ctx, r.Caller, selfservice.PersonInput{Name: in.Name, IDType: in.IDType, IDNumber: in.IDNumber, AccountNo: in.AccountNo})
	return recoveryReply{reset.ID, reset.State, reset.Page.ID, reset.Page.URL, reset.ExpiresAt, s.rules}, err
}

func (s *Server) showRecovery(ctx context.Context, r Request, _ none) (resetReply, error) {
	reset, err := s.service.Recovery(ctx, r.Caller, r.ID)
	return resetReplyOf(reset), err
}
