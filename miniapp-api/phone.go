package miniapp

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"fundpass/miniapp-api/document"
	"fundpass/signing"
	"fundpass/store"
)

// A phoneRequest is what my.getPhoneNumber gave the page, as it is: res.response is
// the body. What is verified are its bytes. The keys are Alipay's, who may add some.
type phoneRequest struct {
	Response    jsontext.Value `json:"response"` // encrypted text, or an object in the clear
	Sign        string         `json:"sign"`
	SignType    string         `json:"sign_type"`
	EncryptType string         `json:"encrypt_type"`
	Charset     string         `json:"charset"`
}

type phoneReply struct {
	Phone string `json:"phone"` // masked
	// MatchesRecord says whether it is the number on file; null before the link.
	MatchesRecord *bool `json:"matches_record"`
}

// verifyPhone binds the phone number that Alipay vouches for to the session. The
// payload says neither whose it is nor when it was made, so it proves nothing alone:
// it belongs to the Alipay user who sent it first. Whatever is wrong with it, the
// answer is one; the cause is in the log.
func (m *MiniProgram) verifyPhone(ctx context.Context, c Caller, in jsontext.Value) (phoneReply, error) {
	contentKey := *m.provider.content.Load()
	if contentKey == nil {
		return phoneReply{}, ErrNotOffered
	}
	var known phoneRequest
	if err := decodeWith(in, &known); err != nil {
		return phoneReply{}, err
	}
	if err := m.service.MayUsePhone(ctx, c); err != nil {
		return phoneReply{}, err
	}
	phone, err := signing.OpenPhone(m.ring(), contentKey, in)
	if err != nil {
		return phoneReply{}, ErrPhoneRefused.because(err)
	}
	mobile := document.Mobile(phone.Mobile)
	matches, err := m.service.BindPhone(ctx, c, store.PhoneProof{Payload: phone.Digest[:], Mobile: mobile})
	return phoneReply{Phone: document.MaskPhone(mobile), MatchesRecord: matches}, err
}
