package miniapp

import (
	"context"
	"errors"

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

// ReplaceContentKey is for a key that was changed in Alipay's console: 16 bytes of
// AES-128, or nil when phone numbers are no longer offered. Safe while serving.
func (s *Server) ReplaceContentKey(key []byte) { s.content.Store(&key) }

// showPhone binds the phone number that Alipay vouches for to the session. The
// payload says neither whose it is nor when it was made, so it proves nothing alone:
// it belongs to the Alipay user who sent it first. Whatever is wrong with it, the
// answer is one; the cause stands in the log.
func (s *Server) showPhone(ctx context.Context, v visit, in jsontext.Value) (phoneReply, error) {
	contentKey := *s.content.Load()
	if contentKey == nil {
		return phoneReply{}, ErrNotOffered
	}
	var known phoneRequest
	if err := decodeWith(in, &known); err != nil {
		return phoneReply{}, err
	}
	agreed, err := s.agreed(ctx, v)
	if err != nil {
		return phoneReply{}, err
	}
	if err := agreed.needs(ctx, PurposePhone); err != nil {
		return phoneReply{}, err
	}
	phone, err := signing.OpenPhone(s.alipay.Ring(), contentKey, in)
	if err != nil {
		return phoneReply{}, ErrPhoneRefused.because(err)
	}
	mobile := document.Mobile(phone.Mobile)
	err = s.db.BindPhone(ctx, v.Session, store.PhoneProof{Payload: phone.Digest[:], Mobile: mobile})
	switch {
	case errors.Is(err, store.ErrConflict):
		return phoneReply{}, ErrPhoneRefused.because(errPhoneReplayed)
	case errors.Is(err, store.ErrNotFound):
		return phoneReply{}, ErrSessionExpired
	case err != nil:
		return phoneReply{}, err
	}
	matches, err := s.onRecord(ctx, v, mobile)
	return phoneReply{Phone: document.MaskPhone(mobile), MatchesRecord: matches}, err
}

var errPhoneReplayed = errors.New("miniapp: another Alipay user has sent this phone payload before")

// onRecord compares with the linked account's number; nil when none is linked.
func (s *Server) onRecord(ctx context.Context, v visit, mobile string) (*bool, error) {
	if v.Link == nil {
		return nil, nil
	}
	account, err := s.db.LinkedAccount(ctx, v.Link.AccountID)
	if err != nil {
		return nil, err
	}
	same := document.Mobile(account.Person.Phone) == mobile
	return &same, nil
}
