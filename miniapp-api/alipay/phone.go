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

// A PhoneRequest is what my.getPhoneNumber gave the page, as it is: res.response is
// the body. What is verified are its bytes. The keys are Alipay's, who may add some.
type PhoneRequest struct {
	Response    jsontext.Value `json:"response"` // encrypted text, or an object in the clear
	Sign        string         `json:"sign"`
	SignType    string         `json:"sign_type"`
	EncryptType string         `json:"encrypt_type"`
	Charset     string         `json:"charset"`
}

type PhoneReply struct {
	Phone string `json:"phone"` // masked
	// MatchesRecord says whether it is the number on file; null before the link.
	MatchesRecord *bool `json:"matches_record"`
}

// verifyPhone binds the phone number that Alipay vouches for to the session. The
// payload says neither whose it is nor when it was made, so it proves nothing alone:
// it belongs to the Alipay user who sent it first. Whatever is wrong with it, the
// answer is one; the cause is in the log.
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
		return PhoneReply{}, selfservice.ErrPhoneRefused.Because(err)
	}
	mobile := document.Mobile(phone.Mobile)
	matches, err := m.service.BindPhone(ctx, c, store.PhoneProof{Payload: phone.Digest[:], Mobile: mobile})
	return PhoneReply{Phone: document.MaskPhone(mobile), MatchesRecord: matches}, err
}
