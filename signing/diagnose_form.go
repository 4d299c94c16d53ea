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
	params := parseLenient(raw)
	if len(raw) > maxForm || len(params) > maxParams {
		r.Verdict = new(form).parse(raw)
		return // no message of Alipay's is this large, and a search would take too long
	}
	family := guessFamily(params)
	rule := family.rule()
	r.Family, r.Rule = string(family), rule.describe()
	r.setText(rule.text(nil, sortByName(params), true))
	at, err := verifyForm(keyring, raw, family)
	if r.Verdict = err; err != nil {
		r.Reason = r.formReason(keyring, params, rule)
		return
	}
	r.Genuine = true
	r.checkAge(family, at)
}

// verifyForm verifies raw as the server does and returns the time of the message.
func verifyForm(keyring *keys.AlipayKeyring, raw []byte, family Family) (time.Time, error) {
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

// guessFamily is form.family for input that form.parse rejects. It returns "" if there
// is no such family.
func guessFamily(params []param) Family {
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

// checkAge sets r.Verdict to ErrStale if the server would reject the message by its time.
func (r *Report) checkAge(family Family, at time.Time) {
	err := Notification{At: at}.Fresh(time.Now())
	if family == FamilySPI && time.Since(at).Abs() > spiWindow {
		err = fmt.Errorf("%w: utc_timestamp differs by more than 10 minutes", ErrStale)
	}
	if err != nil && !at.IsZero() {
		r.Verdict, r.Reason = err, "the signature is right, but "+strings.TrimPrefix(err.Error(), "signing: ")
	}
}

// parseLenient splits a form into parameters and never fails.
func parseLenient(raw []byte) []param {
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

// formReason returns the likely cause for which a form is rejected.
func (r *Report) formReason(keyring *keys.AlipayKeyring, params []param, rule Rule) string {
	sign := valueOf(params, "sign")
	switch {
	case sign == "":
		return "parameter sign is missing"
	case errors.Is(r.Verdict, ErrUnknownSN):
		return "alipay_cert_sn names a certificate that is not configured: download Alipay's certificate from the console and add it"
	}
	info, found := inspectSignature(keyring, sign)
	if !found || info.own || info.sha1() {
		return r.wrongKey(info, found) + otherApp(keyring, params)
	}
	what, found := info.explain(params, rule)
	if !found {
		return joinReasons(info.repair, "the signature is Alipay's, by "+sourceOf(info.key)+", but over another text: the body was altered"+r.missing(params))
	}
	r.Genuine = what == "" && info.repair == ""
	switch reason := joinReasons(info.repair, what); {
	case !r.Genuine:
		return reason
	case errors.Is(r.Verdict, ErrWrongApp):
		return "Alipay signed it, but for another application" + otherApp(keyring, params)
	case errors.Is(r.Verdict, ErrBadSignature):
		return "alipay_cert_sn names another key than the one that signed, " + sourceOf(info.key)
	}
	return ""
}

func sourceOf(key keys.AlipayKey) string {
	if key.Source != "" {
		return key.Source
	}
	return "one of the keys"
}

// joinReasons joins the parts that are not empty.
func joinReasons(parts ...string) string {
	var reasons []string
	for _, part := range parts {
		if part != "" {
			reasons = append(reasons, part)
		}
	}
	return strings.Join(reasons, "; ")
}

// wrongKey returns the cause for a signature that no key of Alipay's made with SHA-256.
func (r *Report) wrongKey(info signatureInfo, found bool) string {
	switch {
	case found && info.own:
		return "wrong key: the message is signed with the application's own key, not with Alipay's"
	case found:
		return "signed with SHA-1 (sign_type RSA): set the application to RSA2 in the console"
	}
	return "wrong key: none of the keys tried made this signature (Alipay's key has changed, sandbox and production are mixed up, the key is another application's, or sign was altered)"
}

func otherApp(keyring *keys.AlipayKeyring, params []param) string {
	for _, name := range []string{"app_id", "auth_app_id", "biz_app_id"} {
		if id := valueOf(params, name); id != "" && id != keyring.AppID() && id != keyring.SigningAppID() {
			return "; " + name + " is not this application's"
		}
	}
	return ""
}

// missing names the first parameter that every message of the family has and params lack.
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

// explain undoes one corruption after another until the text is the signed one. It
// returns the description of that corruption, or false if there is none.
func (info signatureInfo) explain(params []param, rule Rule) (what string, found bool) {
	for _, d := range corruptions {
		d.undo(params, func(guess []param) {
			if found {
				return
			}
			guess = sortByName(guess)
			for _, other := range []Rule{rule, NotifyV1, NotifyV2} {
				for _, withSN := range []bool{true, false} {
					if !found && info.matches(other.text(nil, guess, withSN)) {
						what, found = joinReasons(d.what, other.differenceFrom(rule)), true
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
