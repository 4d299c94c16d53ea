package alipay

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/store"
)

// A PhoneRequest is the res.response of my.getPhoneNumber, unchanged. The signature covers its
// bytes. Alipay may add members.
type PhoneRequest struct {
	Response    jsontext.Value `json:"response"` // ciphertext, or a plain object if Alipay reports an error
	Sign        string         `json:"sign"`
	SignType    string         `json:"sign_type"`
	EncryptType string         `json:"encrypt_type"`
	Charset     string         `json:"charset"`
}

// A PhoneReply is the reply to a verified phone number.
type PhoneReply struct {
	Phone string `json:"phone"` // masked
	// MatchesRecord says whether it is the number on file; null if the caller is not linked.
	MatchesRecord *bool `json:"matches_record"`
}

// verifyPhone binds a phone number verified by Alipay to the session. The payload states
// neither the user nor the time, so it belongs to the user who sends it first. Every failure is
// ErrPhoneRefused; the log has the cause.
func (m *MiniProgram) verifyPhone(ctx context.Context, c selfservice.Caller, in jsontext.Value) (PhoneReply, error) {
	contentKey := *m.provider.content.Load()
	if contentKey == nil {
		return PhoneReply{}, selfservice.ErrNotOffered
	}
	var known PhoneRequest
	if err := httpapi.DecodeWith(in, &known); err != nil {
		return PhoneReply{}, err
	}
	if err := m.service.MayUsePhone(ctx, c); err != nil {
		return PhoneReply{}, err
	}
	phone, err := signing.OpenPhone(m.keyring(), contentKey, in)
	if err != nil {
		return PhoneReply{}, selfservice.ErrPhoneRefused.WithCause(err)
	}
	mobile := document.Mobile(phone.Mobile)
	matches, err := m.service.BindPhone(ctx, c, store.PhoneProof{Payload: phone.Digest[:], Mobile: mobile})
	return PhoneReply{Phone: document.MaskPhone(mobile), MatchesRecord: matches}, err
}
