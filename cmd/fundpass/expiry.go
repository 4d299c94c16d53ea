package main

import (
	"context"
	"path/filepath"
	"time"

	"fundpass/keys"
)

const (
	// warnBefore is how long before its end a certificate is complained about.
	warnBefore = 30 * 24 * time.Hour
	// warnEvery is how often, while the server runs.
	warnEvery = 24 * time.Hour
)

// A certificate is one that the keyring in use depends on.
type certificate struct {
	setting, path string
	end           time.Time
}

// certificates lists them; in public-key mode there are none.
func (s settings) certificates(keyring *keys.AlipayKeyring) []certificate {
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

// expiring names the certificates that end soon, or have ended since they were read.
func (s settings) expiring(keyring *keys.AlipayKeyring, now time.Time) []problem {
	var all []problem
	for _, c := range s.certificates(keyring) {
		if c.end.Sub(now) < warnBefore {
			all = append(all, problemf(c.setting, "%s: certificate ends on %s; download the new one from Alipay's console and send the server SIGHUP", c.path, c.end.UTC().Format(time.DateOnly)))
		}
	}
	return all
}

// warnExpiring writes what expiring finds in the keyring in use to the log.
func (a *app) warnExpiring(now time.Time) {
	for _, p := range a.settings.expiring(a.gateway.Keyring(), now) {
		a.log.Warn("certificate ends soon", "setting", p.setting, "err", p.err)
	}
}

// watchExpiry warns at once and then from time to time.
func (a *app) watchExpiry(ctx context.Context, pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		a.warnExpiring(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// certificateEnds are the ends by file name without its directory. Of two files of one
// name the one that ends first counts.
func (a *app) certificateEnds() map[string]time.Time {
	ends := make(map[string]time.Time)
	for _, c := range a.settings.certificates(a.gateway.Keyring()) {
		name := filepath.Base(c.path)
		if end, again := ends[name]; !again || c.end.Before(end) {
			ends[name] = c.end
		}
	}
	return ends
}
