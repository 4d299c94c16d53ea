package pgconn

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"github.com/lib/pq"
)

const (
	// poolerRounds is the number of probes. A busy pooler may return the same server
	// connection by chance.
	poolerRounds = 5

	// poolerPings is how often the second connection must answer, poolerPause apart, while
	// the first waits, before the first is considered to have no server connection. A slow
	// server is slow for both.
	poolerPings = 20
	poolerPause = 100 * time.Millisecond
)

// hasPooler reports whether the program connects to a transaction pooler (PgBouncer, PgCat,
// Odyssey), which may run a statement on another server connection than the one that
// prepared it by name.
//
// Connection a sets a session setting to a random value. Then b opens a transaction, which
// keeps a server connection. Behind a pooler either b reads the value, or a no longer does.
func hasPooler(ctx context.Context, cfg pq.Config) (pooler bool, err error) {
	err = retry(ctx, openRetryLimit, isRetryable, func() (err error) {
		pooler, err = probePooler(ctx, cfg)
		return err
	})
	return pooler, err
}

// probePooler opens two connections and compares their server connections several times.
func probePooler(ctx context.Context, cfg pq.Config) (bool, error) {
	db := newDB(&connector{cfg: cfg}, 2)
	defer db.Close()
	a, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer b.Close()
	for range poolerRounds {
		shared, err := sharesServer(ctx, a, b)
		if shared || err != nil {
			return shared, err
		}
	}
	return false, nil
}

// sharesServer reports whether a and b share server connections.
func sharesServer(ctx context.Context, a, b *sql.Conn) (bool, error) {
	value := rand.Text()
	if _, err := a.ExecContext(ctx, `SELECT set_config('fundpass.probe', $1, false)`, value); err != nil {
		return false, err
	}
	tx, err := b.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	const query = `SELECT coalesce(current_setting('fundpass.probe', true), '')`
	var seen string
	if err := tx.QueryRowContext(ctx, query).Scan(&seen); err != nil || seen == value {
		return seen == value, err
	}
	// A busy pooler may have no server connection for a while b keeps one.
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- a.QueryRowContext(waiting, query).Scan(&seen) }()
	for range poolerPings {
		select {
		case err := <-answer:
			return err == nil && seen != value, err
		case <-time.After(poolerPause):
		}
		if _, err := tx.ExecContext(ctx, `SELECT 1`); err != nil {
			return false, err
		}
	}
	return true, nil
}
