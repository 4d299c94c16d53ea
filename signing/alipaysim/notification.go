package alipaysim

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Kinds returns the kinds of notices by name, with a description of each. Every other name
// with prefix "alipay." is a From-Ant message, and with prefix "spi." an SPI call.
func Kinds() map[string]string {
	return map[string]string{
		"alipay.open.auth.userauth.cancelled":     "a citizen withdrew the authorisation",
		"alipay.open.auth.appauth.cancelled":      "the application's authorisation was withdrawn",
		"alipay.open.mini.version.audit.passed":   "a version of the mini-program was approved",
		"alipay.open.mini.version.audit.rejected": "a version of the mini-program was rejected",
		"alipay.open.app.api.field.changed":       "fields of personal data were granted or revoked",
		"alipay.service.check":                    "gateway check; requires a signed XML answer",
		"alipay.mobile.public.message.notify":     "a user follows the life account",
		"trade_status_sync":                       "asynchronous notification of a trade",
		"servicemarket_order_notify":              "an order in the service market",
		"open_app_auth_notify":                    "an application was authorised",
		"spi.alipay.fund.account.query":           "a call of /alipay/spi; requires a signed JSON answer",
	}
}

// Write builds and signs n. Errors: ErrUnknownPerson, ErrKind, ErrUnknownFault,
// ErrNoOldKey.
func (s *Sim) Write(n Notice) (Notification, error) {
	d := draft{app: s.cfg.AppID, receiver: s.callerID(), now: s.cfg.Now(), kind: n.Kind, charset: "UTF-8"}
	if strings.EqualFold(n.Charset, "GBK") {
		d.charset = "GBK"
	}
	compose := composer(n.Kind)
	if compose == nil {
		return Notification{}, ErrKind
	}
	fault, known := noticeFaults[n.Fault]
	if !known {
		return Notification{}, ErrUnknownFault
	}
	var err error
	if d.about, err = s.subject(n); err != nil {
		return Notification{}, err
	}
	if fault.draft != nil {
		fault.draft(&d)
	}
	if s.thirdParty == nil {
		d.receiver = d.app
	}
	form := compose(d)
	form.Set("charset", d.charset)
	if err := s.signForm(form, n, fault); err != nil {
		return Notification{}, err
	}
	notification := Notification{
		NotifyID:    form.Get("notify_id"),
		Path:        "/alipay/notifications",
		ContentType: "application/x-www-form-urlencoded; charset=" + d.charset,
		Body:        []byte(form.Encode()),
	}
	if strings.HasPrefix(n.Kind, "spi.") {
		notification.Path = "/alipay/spi"
	}
	if fault.notification != nil {
		fault.notification(&notification)
	}
	return notification, nil
}

// subject returns the person whom n concerns, or the zero Person.
func (s *Sim) subject(n Notice) (Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(n.Person)
	switch {
	case i >= 0:
		return s.disclose(s.people[i]), nil
	case n.Person == "" && n.Kind != "alipay.open.auth.userauth.cancelled":
		return Person{}, nil
	}
	return Person{}, ErrUnknownPerson
}

// signForm signs form under the rule of its family and applies fault.
func (s *Sim) signForm(form url.Values, n Notice, fault noticeFault) error {
	signer := s.signer()
	if n.Key == "old" {
		old, err := s.oldSigner()
		if err != nil {
			return err
		}
		signer = old
	}
	form.Set("sign_type", "RSA2")
	text := signedText(form, "sign_type")
	if form.Has("service") || form.Has("method") && form.Has("notify_type") {
		text = signedText(form)
	}
	if fault.sign != nil {
		return fault.sign(s, form, signer, text)
	}
	return s.signWith(form, signer, text)
}

// signWith adds the signature and, in certificate mode, the serial number to form.
func (s *Sim) signWith(form url.Values, signer *alipayKey, text string) error {
	signature, err := sign(signer.key, []byte(text))
	if err != nil {
		return err
	}
	form.Set("sign", signature)
	if signer.sn != "" {
		form.Set("alipay_cert_sn", signer.sn)
	}
	return nil
}

// signedText returns the parameters of form except those of excluded, sorted by name. It
// does not use package signing, so that a mistake there is not repeated here.
func signedText(form url.Values, excluded ...string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if !slices.Contains(excluded, name) {
			b.WriteString("&" + name + "=" + form.Get(name))
		}
	}
	return strings.TrimPrefix(b.String(), "&")
}
