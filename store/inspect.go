package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// inspectTime bounds Inspect.
const inspectTime = 5 * time.Second

// A Condition is the state of a database before a server registers its centre in it.
type Condition struct {
	Version  string            // of PostgreSQL
	TLS      bool              // the connection is encrypted
	ReadOnly bool              // a standby, or read-only by default
	Migrated bool              // the tables exist; Open checks their version
	Centers  map[string]string // centre to Alipay application
	Ahead    time.Duration     // how far the database's clock is ahead of this machine's
}

// CheckDSN returns ErrUnsafeDSN for a connection string that Open would refuse. It
// does not connect.
func CheckDSN(dsn string) error { return pgconn.CheckDSN(dsn) }

// UnverifiedSSLMode returns the sslmode of a connection string if that mode does not verify
// the name of a server on another machine, and "" otherwise.
func UnverifiedSSLMode(dsn string) string { return pgconn.UnverifiedSSLMode(dsn) }

// Inspect reads the condition of a database without writing to it. It returns ErrUnsafeDSN
// or ErrUnavailable; neither quotes the connection string.
func Inspect(ctx context.Context, dsn string) (Condition, error) {
	ctx, stop := context.WithTimeout(ctx, inspectTime)
	defer stop()
	var c Condition
	err := pgconn.View(ctx, pgconn.Config{DSN: dsn}, func(tx *sqlx.Tx) error { return c.read(ctx, tx) })
	return c, err
}

// read reads the condition in one transaction.
func (c *Condition) read(ctx context.Context, tx *sqlx.Tx) error {
	var database time.Time
	before := time.Now()
	err := tx.QueryRowContext(ctx, `
		SELECT clock_timestamp(), current_setting('server_version'),
			pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
			coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
			to_regclass('centers') IS NOT NULL`).Scan(&database, &c.Version, &c.ReadOnly, &c.TLS, &c.Migrated)
	if err != nil {
		return err
	}
	c.Ahead = database.Sub(before.Add(time.Since(before) / 2))
	if !c.Migrated {
		return nil
	}
	var rows []struct {
		Center string `db:"center_id"`
		App    string `db:"app_id"`
	}
	if err := tx.SelectContext(ctx, &rows, `SELECT center_id, app_id FROM centers`); err != nil {
		return err
	}
	c.Centers = make(map[string]string, len(rows))
	for _, r := range rows {
		c.Centers[r.Center] = r.App
	}
	return nil
}
