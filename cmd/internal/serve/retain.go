package serve

import (
	"context"
	"errors"
	"time"

	"fundpass/store"
)

// Serve deletes expired data every retainEvery, and first retainFirst after the start, so that
// a server that keeps failing does not start it.
const (
	retainEvery = 24 * time.Hour
	retainFirst = time.Hour
)

// retain deletes expired data once a day. Several servers can do so at once.
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
		all, err := a.DB.Operations().Retention(ctx, a.Settings.AuditYears, false)
		if err != nil && !errors.Is(err, context.Canceled) {
			a.log.Warn("retention stopped early", "err", err)
		}
		a.logRetained(all)
	}
}

// logRetained logs the kinds of which rows were deleted.
func (a *App) logRetained(all []store.Retained) {
	for _, r := range all {
		if r.Rows > 0 {
			a.log.Info("retention", "kind", r.Kind, "before", r.Before, "rows", r.Rows, "partitions", len(r.Parts))
		}
	}
}
