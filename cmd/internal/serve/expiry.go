package serve

import (
	"context"
	"path/filepath"
	"time"

	"fundpass/cmd/internal/settings"
)

// warnEvery is the interval of warnings while the server runs.
const warnEvery = 24 * time.Hour

// warnExpiring logs the certificates and the app_auth_token of the current keyring that expire soon.
func (a *App) warnExpiring(now time.Time) {
	for _, p := range a.Settings.Expiring(a.gateway.Keyring(), now) {
		if p.Setting == settings.AppAuthSetting {
			a.log.Warn("app_auth_token ends soon", "setting", p.Setting, "err", p.Err)
			continue
		}
		a.log.Warn("certificate ends soon", "setting", p.Setting, "err", p.Err)
	}
}

// watchExpiry calls warnExpiring at once and then periodically.
func (a *App) watchExpiry(ctx context.Context, pause time.Duration) {
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

// certificateEnds returns the expiry times by base name of the file. Of two files with
// the same name, it returns the earlier time.
func (a *App) certificateEnds() map[string]time.Time {
	ends := make(map[string]time.Time)
	for _, c := range a.Settings.Certificates(a.gateway.Keyring()) {
		name := filepath.Base(c.Path)
		if end, again := ends[name]; !again || c.End.Before(end) {
			ends[name] = c.End
		}
	}
	return ends
}
