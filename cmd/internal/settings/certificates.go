package settings

import (
	"time"

	"fundpass/keys"
)

// warnBefore is how long before its end a certificate or an app_auth_token is reported.
const warnBefore = 30 * 24 * time.Hour

// A certificate is one that the current keyring uses.
type certificate struct {
	setting, Path string
	End           time.Time
}

// Certificates returns what of the keyring has an end: in certificate mode the certificates, and the
// app_auth_token of a third-party application if Alipay gave its end.
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
	note(AppAuthSetting, s.AppAuthTokenFile, keyring.AppAuthNotAfter())
	for _, key := range keyring.AlipayKeys() {
		note("FUNDPASS_ALIPAY_KEY_FILES", key.Source, key.NotAfter)
	}
	return all
}

// AppAuthSetting names the file of the app_auth_token.
const AppAuthSetting = "FUNDPASS_APP_AUTH_TOKEN_FILE"

// Expiring reports the certificates, and the app_auth_token, that end soon or have ended.
func (s Settings) Expiring(keyring *keys.AlipayKeyring, now time.Time) []Problem {
	var all []Problem
	for _, c := range s.Certificates(keyring) {
		switch {
		case c.End.Sub(now) >= warnBefore:
		case c.setting == AppAuthSetting:
			all = append(all, Problemf(c.setting, "%s: app_auth_token ends on %s; run fundpass keys fetch-app-auth --refresh and send the server SIGHUP", c.Path, c.End.UTC().Format(time.DateOnly)))
		default:
			all = append(all, Problemf(c.setting, "%s: certificate ends on %s; download the new certificate from Alipay's console and send the server SIGHUP", c.Path, c.End.UTC().Format(time.DateOnly)))
		}
	}
	return all
}
