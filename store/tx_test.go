package store_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/storetest"
)

func TestOneTimePerTransaction(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.FixedZone("CST", 8*3600))
	db := storetest.New(t, storetest.WithNow(func() time.Time { return at }))
	var now, kept time.Time
	noError(t, db.InTx(t.Context(), func(tx *sqlx.Tx, n time.Time) error {
		now = n
		return tx.Get(&kept, `SELECT $1::timestamptz`, n)
	}))
	if now.Location() != time.UTC || !now.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("now is %v", now)
	}
	if !kept.Equal(now) {
		t.Errorf("stored time is %v, want %v", kept, now)
	}
}
