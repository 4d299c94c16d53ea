package serve

import (
	"context"
	"errors"
	"time"

	"fundpass/store"
)

// retainEvery is how often serve lets go of what is too old. The first time is an hour
// after the start, so that a server that keeps failing never comes to it.
const (
	retainEvery = 24 * time.Hour
	retainFirst = time.Hour
)

// retain runs the retention once a day. Several servers may do it at once.
func (a *App) retain(ctx context.Context, first, pause time.Duration) {
	next := time.NewTimer(first)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		next.Reset(pause)
		all, err := a.DB.Retention(ctx, a.Settings.AuditYears, false)
		if err != nil && !errors.Is(err, context.Canceled) {
			a.log.Warn("retention stopped early", "err", err)
		}
		a.logRetained(all)
	}
}

func (a *App) logRetained(all []store.Retained) {
	for _, r := range all {
		if r.Rows > 0 {
			a.log.Info("retention", "kind", r.Kind, "before", r.Before, "rows", r.Rows, "partitions", len(r.Parts))
		}
	}
}
