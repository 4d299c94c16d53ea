package signing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fundpass/keys"
)

// form reports on a notification or an SPI call.
func (r *Report) form(keyring *keys.AlipayKeyring, raw []byte) {
	params := loosely(raw)
	if len(raw) > maxForm || len(params) > maxParams {
		r.Verdict = new(form).parse(raw)
		return // nothing of Alipay's, and too much to search
	}
	family := looseFamily(params)
	rule := family.rule()
	r.Family, r.Rule = string(family), rule.inWords()
	r.setText(rule.text(nil, byName(params), true))
	at, err := verdict(keyring, raw, family)
	if r.Verdict = err; err != nil {
		r.Reason = r.suspect(keyring, params, rule)
		return
	}
	r.Genuine = true
	r.checkAge(family, at)
}

// verdict asks those who decide for the server.
func verdict(keyring *keys.AlipayKeyring, raw []byte, family Family) (time.Time, error) {
	var f form
	if err := f.parse(raw); err != nil {
		return time.Time{}, err
	}
	if family == FamilySPI {
		c, err := f.spiCall(keyring)
		return c.At, err
	}
	n, err := f.notification(keyring)
	return n.At, err
}

// looseFamily is form.family for what cannot be parsed; "" = none.
func looseFamily(params []param) Family {
	var f form
	for _, name := range []string{"method", "msg_method", "notify_type", "service", "utc_timestamp"} {
		if hasParam(params, name) {
			_ = f.add(param{name, "x"})
		}
	}
	if f.isSPI() {
		return FamilySPI
	}
	family, _ := f.family()
	return family
}

// checkAge adds what the callers of VerifyNotification and VerifySPI find out.
func (r *Report) checkAge(family Family, at time.Time) {
	err := Notification{At: at}.Fresh(time.Now())
	if family == FamilySPI && time.Since(at).Abs() > spiWindow {
		err = fmt.Errorf("%w: utc_timestamp is over 10 minutes away", ErrStale)
	}
	if err != nil && !at.IsZero() {
		r.Verdict, r.Reason = err, "the signature is right, but "+strings.TrimPrefix(err.Error(), "signing: ")
	}
}

// loosely takes a form apart as forgivingly as possible.
func loosely(raw []byte) []param {
	var params []param
	for pair := range strings.SplitSeq(string(raw), "&") {
		name, value, _ := strings.Cut(pair, "=")
		params = append(params, param{decodeAgain(name), decodeAgain(value)})
	}
	return params
}

func hasParam(params []param, name string) bool {
	return slices.ContainsFunc(params, func(p param) bool { return p.name == name })
}

func valueOf(params []param, name string) (value string) {
	for _, p := range params {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// suspect says why a form is refused.
func (r *Report) suspect(keyring *keys.AlipayKeyring, params []param, rule Rule) string {
	sign := valueOf(params, "sign")
	switch {
	case sign == "":
		return "parameter sign is missing"
	case errors.Is(r.Verdict, ErrUnknownSN):
		return "alipay_cert_sn names a certificate that is not configured: download Alipay's certificate from the console and add it"
	}
	t, found := traceSign(keyring, sign)
	if !found || t.own || t.sha1() {
		return r.wrongKey(t, found) + otherApp(keyring, params)
	}
	what, found := t.explain(params, rule)
	if !found {
		return sentence(t.spelt, "the signature is Alipay's, made with "+sourceOf(t.key)+", but of another text: the body was altered"+r.missing(params))
	}
	r.Genuine = what == "" && t.spelt == ""
	switch reason := sentence(t.spelt, what); {
	case !r.Genuine:
		return reason
	case errors.Is(r.Verdict, ErrWrongApp):
		return "Alipay signed it, but for another application" + otherApp(keyring, params)
	case errors.Is(r.Verdict, ErrBadSignature):
		return "alipay_cert_sn names another key than the one that signed, " + sourceOf(t.key)
	}
	return ""
}

func sourceOf(key keys.AlipayKey) string {
	if key.Source != "" {
		return key.Source
	}
	return "one of the keys"
}

func sentence(parts ...string) string {
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, "; ")
}

// wrongKey is for signatures that no key of Alipay's made with SHA-256.
func (r *Report) wrongKey(t trace, found bool) string {
	switch {
	case found && t.own:
		return "wrong key: it is signed with the application's own key, not with Alipay's"
	case found:
		return "signed with SHA-1 (sign_type RSA): set the application to RSA2 in the console"
	}
	return "wrong key: none of the keys tried made this signature (Alipay's key changed, sandbox and production mixed up, another application's key, or sign itself was damaged)"
}

func otherApp(keyring *keys.AlipayKeyring, params []param) string {
	for _, name := range []string{"app_id", "auth_app_id", "biz_app_id"} {
		if id := valueOf(params, name); id != "" && id != keyring.AppID() {
			return "; " + name + " is not this application's"
		}
	}
	return ""
}

// missing names what a message of its family always has.
func (r *Report) missing(params []param) string {
	var names []string
	switch Family(r.Family) {
	case FamilyFromAnt:
		names = []string{"app_id", "biz_content", "charset", "msg_method", "notify_id", "sign_type", "utc_timestamp", "version"}
	case FamilyTrade, FamilyEvent:
		names = []string{"app_id", "charset", "notify_id", "notify_time", "notify_type", "sign_type", "version"}
	case FamilyService:
		names = []string{"biz_content", "charset", "service", "sign_type"}
	case FamilySPI:
		names = []string{"charset", "method", "sign_type", "utc_timestamp", "version"}
	}
	for _, name := range names {
		if !hasParam(params, name) {
			return "; parameter " + name + " is missing"
		}
	}
	return ""
}

// explain undoes one corruption after another until the text is the one that was signed, and
// returns what it undid, or false if none fits.
func (t trace) explain(params []param, rule Rule) (what string, found bool) {
	for _, d := range corruptions {
		d.undo(params, func(guess []param) {
			if found {
				return
			}
			guess = byName(guess)
			for _, other := range []Rule{rule, NotifyV1, NotifyV2} {
				for _, withSN := range []bool{true, false} {
					if !found && t.made(other.text(nil, guess, withSN)) {
						what, found = sentence(d.what, other.insteadOf(rule)), true
					}
				}
			}
		})
		if found {
			return what, true
		}
	}
	return "", false
}
