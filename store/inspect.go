package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// inspectTime bounds a look at a database.
const inspectTime = 5 * time.Second

// A Condition is what an operator wants to know of a database before a server
// registers its centre in it.
type Condition struct {
	Version  string            // of PostgreSQL
	TLS      bool              // the connection is encrypted
	ReadOnly bool              // a standby, or set so
	Migrated bool              // the tables are there; Open judges how new they are
	Centers  map[string]string // centre to Alipay application
	Ahead    time.Duration     // how far the database's clock is ahead of ours
}

// CheckDSN returns ErrUnsafeDSN for a connection string that Open would refuse. It
// does not connect.
func CheckDSN(dsn string) error { return pgconn.CheckDSN(dsn) }

// UnverifiedSSLMode returns the sslmode of a connection string with which a server on
// another machine need not prove its name, or "" if it must.
func UnverifiedSSLMode(dsn string) string { return pgconn.UnverifiedSSLMode(dsn) }

// Inspect looks at a database without writing to it. It returns ErrUnsafeDSN
// or ErrUnavailable; neither quotes the connection string.
func Inspect(ctx context.Context, dsn string) (Condition, error) {
	ctx, stop := context.WithTimeout(ctx, inspectTime)
	defer stop()
	var c Condition
	err := pgconn.View(ctx, pgconn.Config{DSN: dsn}, func(tx *sqlx.Tx) error { return c.read(ctx, tx) })
	return c, err
}

func (c *Condition) read(ctx context.Context, tx *sqlx.Tx) error {
	var theirs time.Time
	before := time.Now()
	err := tx.QueryRowContext(ctx, `
		SELECT clock_timestamp(), current_setting('server_version'),
			pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',
			coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
			to_regclass('centers') IS NOT NULL`).Scan(&theirs, &c.Version, &c.ReadOnly, &c.TLS, &c.Migrated)
	if err != nil {
		return err
	}
	c.Ahead = theirs.Sub(before.Add(time.Since(before) / 2))
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
