package pgconn_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

// BenchmarkPointRead reads one row by its key: with statements prepared once
// per connection, with one round trip a statement, and with lib/pq as it comes.
// Compare the lines of one run; "rounds" interleaves them and gives ratios.
func BenchmarkPointRead(b *testing.B) {
	dsn := storetest.DSN(b)
	storetest.Open(b, dsn)
	ways := benchPools(b, dsn)
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			for b.Loop() {
				w.read(b)
			}
		})
	}
	b.Run("rounds", func(b *testing.B) {
		took := make([]time.Duration, len(ways))
		for b.Loop() {
			for i, w := range ways {
				begun := time.Now()
				w.read(b)
				took[i] += time.Since(begun)
			}
		}
		for i, w := range ways[1:] {
			b.ReportMetric(float64(took[i+1])/float64(took[0]), w.name+"/cached")
		}
	})
}

type way struct {
	name string
	db   *sql.DB
}

func benchPools(b *testing.B, dsn string) []way {
	b.Helper()
	var all []way
	for _, w := range []struct {
		name string
		open func() (*sql.DB, error)
	}{
		{"cached", func() (*sql.DB, error) { db, err := pgconn.NewDB(dsn, true); return db.DB, err }},
		{"uncached", func() (*sql.DB, error) { db, err := pgconn.NewDB(dsn, false); return db.DB, err }},
		{"pq-binary", func() (*sql.DB, error) { return sql.Open("postgres", dsn+" binary_parameters=yes") }},
		{"pq", func() (*sql.DB, error) { return sql.Open("postgres", dsn) }},
	} {
		db, err := w.open()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { db.Close() })
		all = append(all, way{w.name, db})
	}
	return all
}

func (w way) read(b *testing.B) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var app string
	var at time.Time
	err := w.db.QueryRowContext(ctx, `SELECT app_id, created_at FROM centers WHERE center_id = $1`, storetest.Center).Scan(&app, &at)
	if err != nil || app != storetest.AppID {
		b.Fatal(app, err)
	}
}
