package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// SprayCounts returns how many persons have been tried in vain: by the source's user and from
// its address today, and by all unverified sources in this minute.
func (db *DB) SprayCounts(ctx context.Context, s *UnverifiedSource) (user, address, all int, err error) {
	counters := db.sprayCounters(s, db.clock())
	var rows []struct {
		Kind  string `db:"kind"`
		Tried int    `db:"tried"`
	}
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		rows = nil
		return sqlx.SelectContext(ctx, q, &rows, `
			SELECT kind, tried FROM spraying
			WHERE center_id = $1 AND (kind, actor, since) IN (('user', $2::bytea, $3::timestamptz), ('address', $4, $3), ('global', $5, $6))`,
			db.center, counters[0].actor, counters[0].since, counters[1].actor, counters[2].actor, counters[2].since)
	})
	for _, r := range rows {
		switch r.Kind {
		case SprayingUser:
			user = r.Tried
		case SprayingAddress:
			address = r.Tried
		case SprayingGlobal:
			all = r.Tried
		}
	}
	return user, address, all, err
}
