package store

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/keys/testenv"
)

// What the tests of the core reach that callers cannot.

func (db *DB) InTx(ctx context.Context, f func(tx *sqlx.Tx, now time.Time) error) error {
	return db.inTx(ctx, f)
}

func (db *DB) Read(ctx context.Context, f func(q sqlx.QueryerContext) error) error {
	return db.read(ctx, f)
}

func (db *DB) Pool() *sqlx.DB { return db.sql }

func (db *DB) CompareClock(ctx context.Context, wall func() time.Time) {
	db.wall = wall
	db.checkClock(ctx)
}

func (db *DB) MakePartitionsAt(ctx context.Context, at time.Time) {
	db.now = func() time.Time { return at }
	db.makePartitions(ctx)
}

// OpenPool makes a bare pool over the connector.
func OpenPool(dsn string, named bool) (*sqlx.DB, error) {
	cfg, err := configFrom(dsn, testenv.Patience)
	if err != nil {
		return nil, err
	}
	return openPool(&connector{cfg: cfg, named: named}, 10), nil
}

// ConnectorOf is the connector of a direct connection with these settings.
func ConnectorOf(cfg pq.Config) driver.Connector { return &connector{cfg: cfg, named: true} }

// Connector is the connector of a direct connection.
func Connector(dsn string) (driver.Connector, error) {
	cfg, err := configFrom(dsn, testenv.Patience)
	return &connector{cfg: cfg, named: true}, err
}

func ParseDSN(dsn string) (pq.Config, error) { return parseDSN(dsn) }

const (
	StatementsKept = statementsKept
	OwnPhone       = ownPhone
	CutAfter       = cutAfter
	ConfirmGrace   = confirmGrace
)
