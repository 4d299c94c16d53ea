package store

import (
	"context"
	"time"
)

func (db *DB) SetBatchTime(d time.Duration) { db.batchTime = d }

func (db *DB) CountHashesBy(ctx context.Context, step int64) (int64, error) {
	return db.Operations().countHashes(ctx, step)
}
