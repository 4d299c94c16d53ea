package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A connector opens lib/pq connections and wraps them in conn, which adds what
// the driver leaves out: a deadline that holds on a dead network, context
// errors, and statements prepared once per connection.
type connector struct {
	cfg    pq.Config
	named  bool            // prepare statements by name: never behind a transaction pooler
	notice func(*pq.Error) // told of every notice; may be nil
}

// openPool makes a pool of at most n connections.
func openPool(c *connector, n int) *sqlx.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute) // after a failover the pool finds back to the first host
	return sqlx.NewDb(db, "postgres")
}

// Connect opens one connection, within connectLimit for each host and never
// longer than ctx.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := pq.NewConnectorConfig(c.cfg)
	if err != nil {
		return nil, err
	}
	l := newLine()
	inner.Dialer(l)
	release := l.watch(ctx)
	defer release()
	opened, err := inner.Connect(ctx)
	if err != nil {
		l.cut()
		return nil, ended(ctx, err)
	}
	l.settle()
	w := &conn{pqConn: opened.(pqConn), line: l}
	if c.named {
		w.statements = newStatements(statementsKept)
	}
	pq.SetNoticeHandler(opened, func(n *pq.Error) {
		w.unreplicated = w.unreplicated || isUnreplicated(n)
		if c.notice != nil {
			c.notice(n)
		}
	})
	return w, nil
}

// Driver is asked for by database/sql only.
func (c *connector) Driver() driver.Driver { return pq.Driver{} }
