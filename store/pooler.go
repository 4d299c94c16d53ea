package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"github.com/lib/pq"
)

// poolerRounds is how often the probe looks: a busy pooler may by chance hand
// the same server connection out again.
const poolerRounds = 5

// poolerPings is how often b is answered while a waits before a is taken to have no
// server connection. A server that is merely slow is slow for both.
const (
	poolerPings = 20
	poolerPause = 100 * time.Millisecond
)

// behindPooler finds out whether a transaction pooler (PgBouncer, PgCat,
// Odyssey) stands between us and the server. A statement prepared by name on
// one server connection is then run on another.
//
// Connection a leaves a random session setting behind. Then b holds a
// transaction, and with it a server connection. Behind a pooler either b finds
// the setting, or a has lost it.
func behindPooler(ctx context.Context, cfg pq.Config) (pooled bool, err error) {
	err = repeat(ctx, startPatience, func() (err error) {
		pooled, err = probe(ctx, cfg)
		return err
	})
	return pooled, err
}

func probe(ctx context.Context, cfg pq.Config) (bool, error) {
	db := openPool(&connector{cfg: cfg}, 2)
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

func sharesServer(ctx context.Context, a, b *sql.Conn) (bool, error) {
	mark := rand.Text()
	if _, err := a.ExecContext(ctx, `SELECT set_config('fundpass.probe', $1, false)`, mark); err != nil {
		return false, err
	}
	tx, err := b.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	const look = `SELECT coalesce(current_setting('fundpass.probe', true), '')`
	var seen string
	if err := tx.QueryRowContext(ctx, look).Scan(&seen); err != nil || seen == mark {
		return seen == mark, err
	}
	// A busy pooler has no server connection left for a while b holds its own.
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- a.QueryRowContext(looking, look).Scan(&seen) }()
	for range poolerPings {
		select {
		case err := <-answer:
			return err == nil && seen != mark, err
		case <-time.After(poolerPause):
		}
		if _, err := tx.ExecContext(ctx, `SELECT 1`); err != nil {
			return false, err
		}
	}
	return true, nil
}
