package alipaysim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/url"
	"time"
)

// A noticeFault changes the content of a notice before it is signed, its signature, or
// the notification.
type noticeFault struct {
	what         string
	draft        func(*draft)
	sign         func(*Sim, url.Values, *alipayKey, string) error
	notification func(*Notification)
}

// NoticeFaults returns the faults of notices by name, with a description of each.
func NoticeFaults() map[string]string {
	all := make(map[string]string, len(noticeFaults))
	for name, fault := range noticeFaults {
		if name != "" {
			all[name] = fault.what
		}
	}
	return all
}

// foreignApp is the id of an application that does not exist.
const foreignApp = "2021999999999999"

var noticeFaults = map[string]noticeFault{
	"":             {},
	"other_app":    {what: "signed, for another application", draft: func(d *draft) { d.app = foreignApp }},
	"stale":        {what: "signed, from 30 days ago", draft: func(d *draft) { d.now = d.now.AddDate(0, 0, -30) }},
	"future":       {what: "signed, from a day in the future", draft: func(d *draft) { d.now = d.now.Add(24 * time.Hour) }},
	"wrong_key":    {what: "signed with another application's Alipay key", sign: signWrongKey},
	"sha1":         {what: "signed with SHA-1 (sign_type RSA)", sign: signSHA1},
	"unsigned":     {what: "no signature", sign: func(*Sim, url.Values, *alipayKey, string) error { return nil }},
	"altered":      {what: "a parameter changed after signing", sign: signAltered},
	"unknown_sn":   {what: "alipay_cert_sn of an unknown certificate", sign: signUnknownSN},
	"duplicate":    {what: "a parameter twice", notification: func(l *Notification) { l.Body = append(l.Body, "&charset=UTF-8"...) }},
	"content_type": {what: "not labelled a form", notification: func(l *Notification) { l.ContentType = "text/plain" }},
	"huge":         {what: "a body of 1 MiB", notification: func(l *Notification) { l.Body = append(l.Body, make([]byte, 1<<20)...) }},
}

func signWrongKey(s *Sim, form url.Values, signer *alipayKey, text string) error {
	key, err := s.foreignKey()
	if err != nil {
		return err
	}
	return s.signWith(form, &alipayKey{key: key, sn: signer.sn}, text)
}

func signSHA1(_ *Sim, form url.Values, signer *alipayKey, text string) error {
	digest := sha1.Sum([]byte(text))
	raw, err := rsa.SignPKCS1v15(rand.Reader, signer.key, crypto.SHA1, digest[:])
	if err != nil {
		return fmt.Errorf("alipaysim: %w", err)
	}
	form.Set("sign_type", "RSA")
	form.Set("sign", base64.StdEncoding.EncodeToString(raw))
	return nil
}

func signAltered(s *Sim, form url.Values, signer *alipayKey, text string) error {
	err := s.signWith(form, signer, text)
	for _, name := range []string{"notify_id", "request_no", "biz_content"} {
		if form.Has(name) {
			form.Set(name, form.Get(name)+"0")
			break
		}
	}
	return err
}

func signUnknownSN(s *Sim, form url.Values, signer *alipayKey, text string) error {
	return s.signWith(form, &alipayKey{key: signer.key, sn: randomHex()}, text)
}
