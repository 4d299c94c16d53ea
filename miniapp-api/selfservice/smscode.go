package selfservice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// A codePurpose is what a code sent by SMS proves the phone for. A code is valid for one.
type codePurpose string

const (
	codeForSignIn codePurpose = "sign_in"
	codeForReset  codePurpose = "reset"
	codeForLink   codePurpose = "link"
	codeForDevice codePurpose = "device"
)

// codeEvents tell the owner for what somebody has requested a code.
var codeEvents = map[codePurpose]string{
	codeForSignIn: store.EventSignInCodeSent, codeForReset: store.EventResetCodeSent,
	codeForLink: store.EventLinkCodeSent, codeForDevice: store.EventDeviceCodeSent,
}

// smsCodeDigits is the length of a code sent by SMS.
const smsCodeDigits = 6

// A SentCode is a code on its way to the phone on file.
type SentCode struct {
	ID        uuid.UUID
	Phone     string // masked
	ExpiresAt time.Time
}

// sendCode sends a code to the account's phone on file, for a caller without a session. Only
// checkCode with the same purpose and person and the caller's Binding accepts it; a new code
// replaces the person's earlier one for the purpose. The caller must be known as the person by
// other means, because the masked phone and ErrNoPhone reveal that the person has an account;
// sendCodeToClaimed is for all others.
//
// It returns ErrNoPhone, ErrCodeLimit with the time to wait, or ErrNotOffered if the centre
// sends no SMS.
func (s *Service) sendCode(ctx context.Context, c Caller, purpose codePurpose, a store.Account) (SentCode, error) {
	if !s.sms {
		return SentCode{}, ErrNotOffered
	}
	masked, err := maskedMobile(a)
	if err != nil {
		return SentCode{}, err
	}
	o := codeOrder(purpose, a)
	o.Binding, o.Channel, o.Network = c.Binding, string(c.Channel), c.Network
	code, err := s.db.IssueSMSCode(ctx, o)
	if err != nil {
		return SentCode{}, s.codeError(err, code)
	}
	return SentCode{code.ID, masked, code.ExpiresAt}, nil
}

// sendCodeToClaimed is sendCode for a caller who only claims to be the person. The answer is the
// same, without a phone, whether or not a code is sent. An account with a zero ID is a person
// unknown to the centre.
func (s *Service) sendCodeToClaimed(ctx context.Context, c Caller, purpose codePurpose, a store.Account) (SentCode, error) {
	if !s.sms {
		return SentCode{}, ErrNotOffered
	}
	o := codeOrder(purpose, a)
	o.Binding, o.Channel, o.Network = c.Binding, string(c.Channel), c.Network
	o.Silent, o.ClaimedLimit = true, smsRecoveriesPerPerson
	code, err := s.db.IssueSMSCode(ctx, o)
	if err != nil {
		return SentCode{}, s.codeError(err, code)
	}
	return SentCode{ID: code.ID, ExpiresAt: code.ExpiresAt}, nil
}

// checkCode uses up a code that sendCode sent with the same purpose, person and binding. It
// returns ErrCodeWrong with the tries left, ErrCodeGone, or ErrBadRequest for a code without six
// digits, which costs no try. A code works once, so a client that disconnects must not lose its
// result.
func (s *Service) checkCode(ctx context.Context, purpose codePurpose, a store.Account, binding []byte, id uuid.UUID, code passwd.Secret) error {
	digits, err := smsCode(code)
	if err != nil {
		return err
	}
	ctx, stop := Detached(ctx)
	defer stop()
	left, err := s.db.UseSMSCode(ctx, store.SMSTry{
		ID: id, Purpose: string(purpose), PersonDigest: a.PersonDigest, Binding: binding, Code: digits,
	})
	return codeVerdict(left, err)
}

// smsCode returns the digits of a code as the citizen typed it, or ErrBadRequest.
func smsCode(code passwd.Secret) (string, error) {
	digits, ok := readDigits(code.Reveal(), smsCodeDigits)
	if !ok {
		return "", ErrBadRequest.WithFields(FieldError{Field: "code", Code: "SIX_DIGITS"})
	}
	return digits, nil
}

// codeVerdict returns the error of a try at a code.
func codeVerdict(left int, err error) error {
	switch {
	case errors.Is(err, store.ErrCode):
		return ErrCodeWrong.withRemaining(left)
	case errors.Is(err, store.ErrGone):
		return ErrCodeGone
	}
	return err
}

// codeError returns the error of a code that was not issued.
func (s *Service) codeError(err error, c store.SMSCode) error {
	switch {
	case errors.Is(err, store.ErrNoPhone):
		return ErrNoPhone
	case errors.Is(err, store.ErrTooSoon):
		return ErrCodeLimit.WithRetryAfter(max(1, int((c.NextAt.Sub(s.db.Now())+time.Second-1)/time.Second)))
	}
	return limitError(err, ErrCodeLimit, s.db.Now())
}

// maskedMobile returns the mobile number on file, masked, or ErrNoPhone.
func maskedMobile(a store.Account) (string, error) {
	mobile, ok := ownMobile(a)
	if !ok {
		return "", ErrNoPhone
	}
	return document.MaskPhone(mobile), nil
}

// codeOrder returns an order with a random code. A caller without a session adds what the code
// is bound to, and the channel.
func codeOrder(purpose codePurpose, a store.Account) store.SMSCodeOrder {
	mobile, _ := ownMobile(a)
	return store.SMSCodeOrder{ID: uuid.New(), Purpose: string(purpose), PersonDigest: a.PersonDigest, AccountID: a.ID,
		Mobile: mobile, Code: newSMSCode(), Event: codeEvents[purpose]}
}

// newSMSCode returns six random digits. A reader of crypto/rand never fails.
func newSMSCode() string {
	n, _ := rand.Int(rand.Reader, big.NewInt(1_000_000))
	return fmt.Sprintf("%06d", n)
}

// ownMobile returns the mobile number on file, or false for a landline or none. Whether it is
// the person's own is for the store to decide.
func ownMobile(a store.Account) (string, bool) {
	mobile := document.Mobile(a.Person.Phone)
	ok := len(mobile) == 11 && mobile[0] == '1' && strings.Trim(mobile, "0123456789") == ""
	if !ok {
		return "", false
	}
	return mobile, true
}
