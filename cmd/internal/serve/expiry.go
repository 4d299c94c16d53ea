package serve

import (
	"context"
	"path/filepath"
	"time"
)

const (
	// warnEvery is how often, while the server runs.
	warnEvery = 24 * time.Hour
)

// warnExpiring writes what expiring finds in the keyring in use to the log.
func (a *App) warnExpiring(now time.Time) {
	for _, p := range a.Settings.Expiring(a.gateway.Keyring(), now) {
		a.log.Warn("certificate ends soon", "setting", p.Setting, "err", p.Err)
	}
}

// watchExpiry warns at once and then from time to time.
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

// certificateEnds are the ends by file name without its directory. Of two files of one
// name the one that ends first counts.
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
