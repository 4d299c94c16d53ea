package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"fundpass/keys"
)

// Errors of VerifyNotification and VerifySPI. They are meant for the operator and must
// not be returned to the sender. Their texts contain no value of the message.
var (
	// ErrMalformed: the message does not have the documented form, or is ambiguous.
	ErrMalformed = errors.New("signing: malformed message")
	// ErrNoSign: parameter sign is missing.
	ErrNoSign = errors.New("signing: message has no sign")
	// ErrSignType: sign_type is not RSA2, the only algorithm that is accepted.
	ErrSignType = errors.New("signing: sign_type is not RSA2")
	// ErrBadSignature: no key of the keyring made the signature. It wraps ErrSignature.
	ErrBadSignature = fmt.Errorf("signing: message rejected: %w", ErrSignature)
	// ErrWrongApp: the message is for another application.
	ErrWrongApp = errors.New("signing: message is for another application")
	// ErrUnknownSN: alipay_cert_sn is the serial number of a certificate that is not in
	// the keyring. It is not downloaded, because the sender chooses the number.
	ErrUnknownSN = fmt.Errorf("signing: alipay_cert_sn: %w", keys.ErrUnknownSN)
	// ErrUnknownFamily: the parameters belong to no family or to more than one.
	ErrUnknownFamily = errors.New("signing: unknown family of messages")
	// ErrStale: the signature is valid, but the message is too old or from the future.
	ErrStale = errors.New("signing: stale message")
)

// A Family is a kind of message; it determines the Rule of the signature.
type Family string

// The families, with the parameters that identify them.
const (
	FamilyTrade   Family = "trade"    // posted to a notify_url: notify_type, rule V1
	FamilyFromAnt Family = "from-ant" // message service 1.1: msg_method, rule V1
	FamilyEvent   Family = "event"    // service market, application authorisation: method and notify_type, rule V2
	FamilyService Family = "service"  // gateway check, life account: service, rule V2
	FamilySPI     Family = "spi"      // a call of Alipay's to the application: method and utc_timestamp, rule V1
)

func (f Family) rule() Rule {
	if f == FamilyEvent || f == FamilyService {
		return NotifyV2
	}
	return NotifyV1
}

// A Notification is a verified message for this application. No field can be forged or
// moved into another one. The caller must detect replays: Alipay repeats a notification
// with the same NotifyID for 25 hours until it is answered with "success".
type Notification struct {
	Family   Family
	Rule     Rule
	AppID    string // the application id of the keyring's mini-program
	NotifyID string // unique for AppID; "" only in FamilyService
	Method   string // msg_method, method, notify_type or service, by family
	Event    string // FamilyService only: EventType of its XML, e.g. "verifygw"
	Charset  string // "UTF-8" or "GBK"; the charset of the answer to a FamilyService message
	// BizContent is a JSON object in UTF-8, or nil if the message has none. That of
	// open_app_auth_notify has no tokens.
	BizContent json.RawMessage
	At         time.Time // when Alipay created the message; zero if unknown
	KeySource  string    // the file of the key that verified the signature
	Receiver   string    // the third-party application that received the message; "" if AppID did
	AuthAppID  string    // its auth_app_id; "" if Receiver is ""
}

// retryPeriod is the age at which a notification becomes stale. Alipay repeats one for
// 25 hours.
const retryPeriod = 48 * time.Hour

// maxClockSkew is how far Alipay's clock may be ahead of this machine's.
const maxClockSkew = 10 * time.Minute

// Fresh returns ErrStale if the message is older than 48 hours, is more than 10 minutes
// in the future, or has no time. Within that window the caller detects replays by
// NotifyID, so it must store NotifyIDs for longer than 48 hours.
func (n Notification) Fresh(now time.Time) error {
	age := now.Sub(n.At)
	switch {
	case n.At.IsZero():
		return fmt.Errorf("%w: no time", ErrStale)
	case age > retryPeriod:
		return fmt.Errorf("%w: older than 48 hours", ErrStale)
	case age < -maxClockSkew:
		return fmt.Errorf("%w: from the future; check this machine's clock", ErrStale)
	}
	return nil
}

// VerifyNotification verifies and parses a notification. body is the unmodified body of
// the POST, at most 64 KiB. Only keys of keyring are tried, and the network is not used.
// The parameters determine the family, and the family determines the one rule that the
// signature must follow. It does not check the age; see Fresh.
//
// Source: Alipay open platform, "message service" and "verify asynchronous
// notifications". Errors: ErrMalformed, ErrDuplicateKey, ErrNoSign, ErrSignType,
// ErrUnknownFamily, ErrWrongApp, ErrUnknownSN, ErrBadSignature.
func VerifyNotification(keyring *keys.AlipayKeyring, body []byte, contentType string) (Notification, error) {
	if !isForm(contentType) {
		return Notification{}, fmt.Errorf("%w: content type is not application/x-www-form-urlencoded", ErrMalformed)
	}
	var f form
	if err := f.parse(body); err != nil {
		return Notification{}, err
	}
	return f.notification(keyring)
}

// isForm reports whether contentType is that of a form. It ignores the charset of the
// media type, because the signed parameter charset applies.
func isForm(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}
