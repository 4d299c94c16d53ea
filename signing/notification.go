package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
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
// wire, of at most 64 KiB. It tries ring's keys only, never the network, and keeps
// nobody waiting. Any error comes with the zero Notification.
//
// The family is recognised first, and gives the one rule that may have been signed.
// Source: Alipay open platform, "message service" and "verify asynchronous
// notifications". Errors: ErrMalformed, ErrDuplicateKey, ErrNoSign, ErrSignType,
// ErrUnknownFamily, ErrWrongApp, ErrUnknownSN, ErrBadSignature.
func VerifyNotification(ring *keys.Ring, body []byte, contentType string) (Notification, error) {
	if !isForm(contentType) {
		return Notification{}, fmt.Errorf("%w: not application/x-www-form-urlencoded", ErrMalformed)
	}
	var f form
	if err := f.parse(body); err != nil {
		return Notification{}, err
	}
	return f.notification(ring)
}

// isForm ignores parameters of the media type: the charset that counts is signed.
func isForm(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

func (f *form) notification(ring *keys.Ring) (Notification, error) {
	if err := f.checkSign(); err != nil {
		return Notification{}, err
	}
	family, err := f.family()
	if err != nil {
		return Notification{}, err
	}
	if err := f.checkApp(ring, family); err != nil {
		return Notification{}, err
	}
	key, err := f.signedBy(ring, family.rule())
	if err != nil {
		return Notification{}, err
	}
	n := Notification{Family: family, Rule: family.rule(), AppID: ring.AppID(), KeySource: key.Source}
	if err := f.read(&n); err != nil {
		return Notification{}, err
	}
	return n, nil
}

func (f *form) checkSign() error {
	if sign, _ := f.get("sign"); sign == "" {
		return ErrNoSign
	}
	if kind, _ := f.get("sign_type"); kind != "RSA2" {
		return ErrSignType
	}
	return nil
}

// family tells by the parameters there are, before anything is verified.
func (f *form) family() (Family, error) {
	_, message := f.get("msg_method")
	_, service := f.get("service")
	_, method := f.get("method")
	_, kind := f.get("notify_type")
	switch {
	case message && !service && !method:
		return FamilyFromAnt, f.checkClosed()
	case service && !message && !method && !kind:
		return FamilyService, f.checkClosed()
	case method && kind && !message && !service:
		return FamilyEvent, nil
	case kind && !message && !service && !method:
		return FamilyTrade, nil
	}
	return "", ErrUnknownFamily
}

// checkClosed refuses parameters that messages of a closed form never have.
func (f *form) checkClosed() error {
	for _, p := range f.params() {
		if !closedNames[p.name] {
			return fmt.Errorf("%w: parameter %s does not belong here", ErrMalformed, shownName(p.name))
		}
	}
	return nil
}

// checkApp wants the message to name our application and no other. A service message
// may name it inside its XML instead.
func (f *form) checkApp(ring *keys.Ring, family Family) error {
	names := [...]string{"app_id", "auth_app_id"}
	if family == FamilySPI {
		names = [...]string{"app_id", "biz_app_id"}
	}
	for _, name := range names {
		if id, ok := f.get(name); ok && id != ring.AppID() {
			return fmt.Errorf("%w: %s", ErrWrongApp, name)
		}
	}
	if _, ok := f.get("app_id"); !ok && family != FamilyService && family != FamilySPI {
		return fmt.Errorf("%w: app_id missing", ErrMalformed)
	}
	return nil
}

// read fills n from a form whose signature is right.
func (f *form) read(n *Notification) error {
	var charset string
	charset, _ = f.get("charset")
	n.Charset, _ = knownCharset(charset)
	n.NotifyID, _ = f.get("notify_id")
	n.Method = f.method(n.Family)
	if n.Charset == "" || !opaqueName(n.Method) || n.NotifyID == "" && n.Family != FamilyService ||
		n.NotifyID != "" && !opaqueName(n.NotifyID) {
		return fmt.Errorf("%w: charset, notify_id or method", ErrMalformed)
	}
	if version, _ := f.get("version"); n.Family == FamilyFromAnt && version != "1.1" {
		return fmt.Errorf("%w: version is not 1.1", ErrMalformed)
	}
	if err := f.readTime(n); err != nil {
		return err
	}
	return f.readContent(n)
}

func (f *form) method(family Family) (method string) {
	switch family {
	case FamilyFromAnt:
		method, _ = f.get("msg_method")
	case FamilyTrade:
		method, _ = f.get("notify_type")
	case FamilyService:
		method, _ = f.get("service")
	default:
		method, _ = f.get("method")
	}
	return method
}

// opaqueName says whether s is made of what Alipay's identifiers are made of.
func opaqueName(s string) bool {
	for i := range len(s) {
		if bytesOf[s[i]]&inName == 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// readTime takes utc_timestamp (milliseconds since 1970) or notify_time (Beijing).
func (f *form) readTime(n *Notification) error {
	stamp, inMillis := f.get("utc_timestamp")
	written, inBeijing := f.get("notify_time")
	switch {
	case inMillis:
		ms, ok := decimal(stamp, 14)
		if !ok {
			return fmt.Errorf("%w: utc_timestamp is not in milliseconds", ErrMalformed)
		}
		n.At = time.UnixMilli(ms)
	case inBeijing:
		at, err := time.ParseInLocation(time.DateTime, written, beijing)
		if err != nil {
			return fmt.Errorf("%w: notify_time is not a time", ErrMalformed)
		}
		n.At = at
	case n.Family == FamilyFromAnt:
		return fmt.Errorf("%w: utc_timestamp missing", ErrMalformed)
	}
	return nil
}

// decimal reads 1 to most digits and nothing else.
func decimal(s string, most int) (int64, bool) {
	if len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// readContent takes biz_content, whose bytes were signed in the message's charset.
func (f *form) readContent(n *Notification) error {
	raw, ok := f.get("biz_content")
	if !ok {
		if n.Family == FamilyTrade || n.Family == FamilyEvent {
			return nil
		}
		return fmt.Errorf("%w: biz_content missing", ErrMalformed)
	}
	content, ok := toUTF8(raw, n.Charset)
	if !ok {
		return fmt.Errorf("%w: biz_content is not %s", ErrMalformed, n.Charset)
	}
	if n.Family == FamilyService {
		return n.readService(content)
	}
	if !isObject(content) {
		return fmt.Errorf("%w: biz_content is not a JSON object (encrypted content is not supported)", ErrMalformed)
	}
	n.BizContent = content
	return nil
}

// isObject says whether content is one JSON object, not nested beyond reason.
func isObject(content []byte) bool {
	return len(content) > 0 && content[0] == '{' && depth(content) <= maxDepth && json.Valid(content)
}
