package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fundpass/keys"
	"fundpass/keys/calendar"
)

// notification verifies f and returns its content. If the signature does not match, it
// tries again without the parameters that have empty values; see dropEmpty.
func (f *form) notification(keyring *keys.AlipayKeyring) (Notification, error) {
	n, err := f.verifiedNotification(keyring)
	if errors.Is(err, ErrBadSignature) && f.dropEmpty() {
		if again, err := f.verifiedNotification(keyring); err == nil {
			return again, nil
		}
	}
	return n, err
}

func (f *form) verifiedNotification(keyring *keys.AlipayKeyring) (Notification, error) {
	if err := f.checkSign(); err != nil {
		return Notification{}, err
	}
	family, err := f.family()
	if err != nil {
		return Notification{}, err
	}
	if err := f.checkApp(keyring, family); err != nil {
		return Notification{}, err
	}
	key, err := f.verifySignature(keyring, family.rule())
	if err != nil {
		return Notification{}, err
	}
	n := Notification{Family: family, Rule: family.rule(), AppID: keyring.AppID(), KeySource: key.Source}
	if keyring.IsThirdParty() {
		n.Receiver = keyring.SigningAppID()
		n.AuthAppID, _ = f.get("auth_app_id")
	}
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

// family returns the family that f belongs to by the names of its parameters, or
// ErrUnknownFamily. Nothing is verified yet.
func (f *form) family() (Family, error) {
	_, message := f.get("msg_method")
	_, service := f.get("service")
	_, method := f.get("method")
	_, kind := f.get("notify_type")
	switch {
	case message && !service && !method:
		return FamilyFromAnt, nil
	case service && !message && !method && !kind:
		return FamilyService, nil
	case method && kind && !message && !service:
		return FamilyEvent, nil
	case kind && !message && !service && !method:
		return FamilyTrade, nil
	}
	return "", ErrUnknownFamily
}

// checkApp returns ErrWrongApp if f names another application than keyring's. It
// returns ErrMalformed if app_id is missing, except in service messages, which have it
// in their XML, and in SPI calls, where it is optional.
func (f *form) checkApp(keyring *keys.AlipayKeyring, family Family) error {
	if keyring.IsThirdParty() {
		return f.checkThirdParty(keyring, family)
	}
	names := [...]string{"app_id", "auth_app_id"}
	if family == FamilySPI {
		names = [...]string{"app_id", "biz_app_id"}
	}
	for _, name := range names {
		if id, ok := f.get(name); ok && id != keyring.AppID() {
			return fmt.Errorf("%w: %s", ErrWrongApp, name)
		}
	}
	if _, ok := f.get("app_id"); !ok && family != FamilyService && family != FamilySPI {
		return fmt.Errorf("%w: app_id missing", ErrMalformed)
	}
	return nil
}

// read fills n from f, whose signature has been verified.
func (f *form) read(n *Notification) error {
	label, _ := f.get("charset")
	n.Charset, _ = knownCharset(label)
	n.Method = f.method(n.Family)
	if n.Method != MethodGatewayCheck { // its notify_id is optional and not used
		n.NotifyID, _ = f.get("notify_id")
	}
	if n.Charset == "" || !isIdentifier(n.Method) || n.NotifyID == "" && n.Family != FamilyService ||
		n.NotifyID != "" && !isIdentifier(n.NotifyID) {
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
	if kind, _ := f.get("notify_type"); kind == MethodAppAuthGranted {
		return kind // documented without method; readContent must recognise it in any family
	}
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

// isIdentifier reports whether s consists of 1 to 128 characters that may be in an
// identifier of Alipay's: letters, digits, '_', '.' and '-'.
func isIdentifier(s string) bool {
	for i := range len(s) {
		if bytesOf[s[i]]&inName == 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// readTime sets n.At from utc_timestamp (milliseconds since 1970) or notify_time
// (Beijing time). It prefers the one that every message of the family has, because an
// optional parameter can be forged by splitting the value before it. readService reads
// the time of a FamilyService message from its XML.
func (f *form) readTime(n *Notification) error {
	stamp, inMillis := f.get("utc_timestamp")
	written, inBeijing := f.get("notify_time")
	switch {
	case n.Family == FamilyService:
	case inMillis && (n.Family == FamilyFromAnt || !inBeijing):
		ms, ok := decimal(stamp, 14)
		if !ok {
			return fmt.Errorf("%w: utc_timestamp is not in milliseconds", ErrMalformed)
		}
		n.At = time.UnixMilli(ms)
	case n.Family == FamilyFromAnt:
		return fmt.Errorf("%w: utc_timestamp missing", ErrMalformed)
	case inBeijing:
		at, err := time.ParseInLocation(time.DateTime, written, calendar.Beijing)
		if err != nil {
			return fmt.Errorf("%w: notify_time is not a time", ErrMalformed)
		}
		n.At = at
	}
	return nil
}

// decimal parses s, which must consist of 1 to maxDigits decimal digits.
func decimal(s string, maxDigits int) (int64, bool) {
	if len(s) > maxDigits || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// readContent converts biz_content to UTF-8 and sets n.BizContent, or passes it to
// readService. The conversion comes after verification, because the signature is over
// the bytes in the message's charset.
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
	if n.Method == MethodAppAuthGranted {
		public, err := withoutTokens(content)
		n.BizContent = public
		return err
	}
	n.BizContent = content
	return nil
}

// isObject reports whether content is one JSON object nested at most maxDepth deep.
func isObject(content []byte) bool {
	return len(content) > 0 && content[0] == '{' && depth(content) <= maxDepth && json.Valid(content)
}
