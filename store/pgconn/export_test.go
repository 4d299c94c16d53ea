package pgconn

import (
	"database/sql/driver"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/keys/testenv"
)

// DB returns the pool's connections, for statements outside Pool.InTx and Pool.Read.
func (p *Pool) DB() *sqlx.DB { return p.db }

// SeatsTaken returns the number of connections that a share uses.
func (p *Pool) SeatsTaken() int { return len(p.seats.used) }

// NewDB returns connections without a Pool.
func NewDB(dsn string, named bool) (*sqlx.DB, error) {
	cfg, err := Config{DSN: dsn, ConnectTimeout: testenv.Patience}.parse()
	if err != nil {
		return nil, err
	}
	return newDB(&connector{cfg: cfg, named: named}, 10), nil
}

// ConnectorOf returns the connector of a direct connection with these settings.
func ConnectorOf(cfg pq.Config) driver.Connector { return &connector{cfg: cfg, named: true} }

func ParseDSN(dsn string) (pq.Config, error) { return parseDSN(dsn) }

const (
	StmtCacheSize = stmtCacheSize
	CancelGrace   = cancelGrace
)
