package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"fundpass/miniapp-api/app/dpop"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A signInRequest names the person by the document, the account or both.
type signInRequest struct {
	IDType     string              `json:"id_type"`  // 01 unless set
	Document   string              `json:"document"` // its number
	AccountNo  string              `json:"account_no"`
	Password   passwd.Secret       `json:"password"`
	Encrypted  *httpapi.SealedForm `json:"encrypted"`  // replaces password
	DeviceKey  jsontext.Value      `json:"device_key"` // public JWK; if present, the key of the proof
	DeviceName string              `json:"device_name"`
	Platform   string              `json:"platform"`
}

// A signInReply has a token, or asks for a code.
type signInReply struct {
	httpapi.SessionReply
	SMSCode *smsCodeView `json:"sms_code"` // null: signed in
}

// An smsCodeView says where a code was sent. The ticket is for POST /v1/sessions/code.
type smsCodeView struct {
	Ticket    string    `json:"ticket"`
	Phone     string    `json:"phone"` // masked
	ExpiresAt time.Time `json:"expires_at"`
}

// signIn opens a session that is bound to the device, or sends a code to the phone on file if
// the device is new or the password is no secret.
func (h handlers) signIn(ctx context.Context, r httpapi.Request, in signInRequest) (signInReply, error) {
	if err := checkDeviceKey(in.DeviceKey, r.Binding); err != nil {
		return signInReply{}, err
	}
	password, err := h.server.UnsealBound(ctx, r, in.Password, in.Encrypted)
	if err != nil {
		return signInReply{}, err
	}
	var reply signInReply
	reply.SessionReply, err = h.server.OpenSession(func(tokenDigest []byte) (*store.Account, error) {
		done, err := h.app.service.SignIn(ctx, r.Caller, selfservice.SignInInput{
			IDType: cmp.Or(in.IDType, "01"), IDNumber: in.Document, AccountNo: in.AccountNo, Password: password, TokenDigest: tokenDigest,
			Device: &selfservice.Device{Thumbprint: r.Binding, Name: in.DeviceName, Platform: in.Platform},
		})
		if err != nil || done.Step == nil {
			return &done.Account, inOwnFields(err)
		}
		reply.SMSCode = &smsCodeView{done.Step.Ticket, done.Step.Code.Phone, done.Step.Code.ExpiresAt}
		return nil, nil
	})
	if reply.SMSCode != nil {
		reply.SessionReply = httpapi.SessionReply{} // no session was opened
	}
	return reply, err
}

// inOwnFields names the fields of an error as the form of this channel does.
func inOwnFields(err error) error {
	var e *selfservice.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	fields := slices.Clone(e.Fields)
	for i := range fields {
		if fields[i].Field == "id_number" {
			fields[i].Field = "document"
		}
	}
	return e.WithFields(fields...)
}

// checkDeviceKey returns an error if the form names another key than the one that signed the
// proof: a form that somebody else's device sends.
func checkDeviceKey(key jsontext.Value, binding []byte) error {
	if key == nil || key.Kind() == 'n' {
		return nil
	}
	print, err := dpop.ParseKey(key)
	if err != nil || !bytes.Equal(print[:], binding) {
		return selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "device_key", Code: "INVALID"})
	}
	return nil
}

type codeRequest struct {
	Ticket string        `json:"ticket"`
	Code   passwd.Secret `json:"code"`
}

// giveCode opens the session for which signIn has sent a code.
func (h handlers) giveCode(ctx context.Context, r httpapi.Request, in codeRequest) (httpapi.SessionReply, error) {
	return h.server.OpenSession(func(tokenDigest []byte) (*store.Account, error) {
		account, err := h.app.service.FinishSignIn(ctx, r.Caller, in.Ticket, in.Code, tokenDigest)
		return &account, err
	})
}
