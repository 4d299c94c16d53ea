package settings

import (
	"time"

	"fundpass/keys"
)

// warnBefore is how long before its end a certificate is reported.
const warnBefore = 30 * 24 * time.Hour

// A certificate is one that the current keyring uses.
type certificate struct {
	setting, Path string
	End           time.Time
}

// Certificates returns the certificates of the keyring, or nil in public-key mode.
func (s Settings) Certificates(keyring *keys.AlipayKeyring) []certificate {
	if keyring == nil {
		return nil
	}
	var all []certificate
	note := func(setting, path string, end time.Time) {
		if !end.IsZero() {
			all = append(all, certificate{setting, path, end})
		}
	}
	note("FUNDPASS_APP_CERT_FILE", s.AppCertFile, keyring.AppCertNotAfter())
	for _, key := range keyring.AlipayKeys() {
		note("FUNDPASS_ALIPAY_KEY_FILES", key.Source, key.NotAfter)
	}
	return all
}

// Expiring reports the certificates that end soon or have ended.
func (s Settings) Expiring(keyring *keys.AlipayKeyring, now time.Time) []Problem {
	var all []Problem
	for _, c := range s.Certificates(keyring) {
		if c.End.Sub(now) < warnBefore {
			all = append(all, Problemf(c.setting, "%s: certificate ends on %s; download the new certificate from Alipay's console and send the server SIGHUP", c.Path, c.End.UTC().Format(time.DateOnly)))
		}
	}
	return all
}
