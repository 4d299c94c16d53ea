package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"fundpass/keys"
)

// Why a message that claims to be Alipay's is refused. A sender is told none of it:
// these are for the operator. No error carries a value of the message.
var (
	// ErrMalformed: not a message of Alipay's shape, or one that could be read in two ways.
	ErrMalformed = errors.New("signing: message malformed")
	// ErrNoSign: there is no signature.
	ErrNoSign = errors.New("signing: message without sign")
	// ErrSignType: sign_type is not RSA2, the one algorithm accepted.
	ErrSignType = errors.New("signing: sign_type is not RSA2")
	// ErrBadSignature: none of the keys we trust made the signature over this text.
	ErrBadSignature = fmt.Errorf("signing: message refused: %w", ErrSignature)
	// ErrWrongApp: the message is for another application.
	ErrWrongApp = errors.New("signing: message for another application")
	// ErrUnknownSN: alipay_cert_sn names a certificate we do not hold. None is fetched:
	// a stranger chooses the number.
	ErrUnknownSN = fmt.Errorf("signing: alipay_cert_sn: %w", keys.ErrUnknownSN)
	// ErrUnknownFamily: no kind of message has these parameters, or two kinds have.
	ErrUnknownFamily = errors.New("signing: message of no known family")
	// ErrStale: truly signed, but too long ago or in the future.
	ErrStale = errors.New("signing: message stale")
)

// A Family is a kind of message with a rule of its own for what is signed.
type Family string

const (
	FamilyTrade   Family = "trade"    // posted to a notify_url: notify_type, rule V1
	FamilyFromAnt Family = "from-ant" // message service 1.1: msg_method, rule V1
	FamilyEvent   Family = "event"    // service market, application authorisation: method and notify_type, rule V2
	FamilyService Family = "service"  // gateway check, life account: service, rule V2
	FamilySPI     Family = "spi"      // Alipay calls us: method and utc_timestamp, rule V1
)

func (f Family) rule() Rule {
	if f == FamilyEvent || f == FamilyService {
		return NotifyV2
	}
	return NotifyV1
}

// A Notification is a message that Alipay signed, for this application. Nothing in it
// can be forged or moved from one field to another. Replays are the caller's to see:
// Alipay repeats a notice for 25 hours until it is answered "success", under the same
// NotifyID.
type Notification struct {
	Family   Family
	Rule     Rule
	AppID    string // ours
	NotifyID string // unique within AppID; "" is possible in FamilyService only
	Method   string // msg_method, method, notify_type or service: what tells messages of a family apart
	Event    string // FamilyService only: EventType of its XML, e.g. "verifygw"
	Charset  string // "UTF-8" or "GBK": how a FamilyService message wants its answer
	// BizContent is one JSON object in UTF-8; nil when the family or the message has none.
	BizContent json.RawMessage
	At         time.Time // when Alipay made the message; zero when it does not say
	KeySource  string    // the file of the key that signed
}

// retries is how long Alipay repeats a notice, with some hours to spare.
const retries = 48 * time.Hour

// leap is how far Alipay's clock may be ahead of ours.
const leap = 10 * time.Minute

// Fresh returns ErrStale when the message is older than any repetition of Alipay's
// can be (48 h), is from the future, or has no time. Inside that window only the
// NotifyID shows a replay; whoever keeps NotifyIDs must keep them longer than it.
func (n Notification) Fresh(now time.Time) error {
	age := now.Sub(n.At)
	switch {
	case n.At.IsZero():
		return fmt.Errorf("%w: it has no time", ErrStale)
	case age > retries:
		return fmt.Errorf("%w: older than Alipay repeats one", ErrStale)
	case age < -leap:
		return fmt.Errorf("%w: from the future, look at this machine's clock", ErrStale)
	}
	return nil
}

// VerifyNotification returns what Alipay said in the POST body, as it came over the
// wire, of at most 64 KiB. It tries keyring's keys only, never the network, and keeps
// nobody waiting. Any error comes with the zero Notification.
//
// The family is recognised first, and gives the one rule that may have been signed.
// Source: Alipay open platform, "message service" and "verify asynchronous
// notifications". Errors: ErrMalformed, ErrDuplicateKey, ErrNoSign, ErrSignType,
// ErrUnknownFamily, ErrWrongApp, ErrUnknownSN, ErrBadSignature.
func VerifyNotification(keyring *keys.AlipayKeyring, body []byte, contentType string) (Notification, error) {
	if !isForm(contentType) {
		return Notification{}, fmt.Errorf("%w: not application/x-www-form-urlencoded", ErrMalformed)
	}
	var f form
	if err := f.parse(body); err != nil {
		return Notification{}, err
	}
	return f.notification(keyring)
}

// isForm ignores parameters of the media type: the charset that counts is signed.
func isForm(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}
