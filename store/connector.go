package store

import (
	"cmp"
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
	limit  time.Duration   // of calls whose context has no deadline; 0: callLimit
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
		return nil, startError{ended(ctx, err)}
	}
	l.settle()
	w := &conn{pqConn: opened.(pqConn), line: l, limit: cmp.Or(c.limit, callLimit)}
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

// sessionSettings let the server end what we left behind when we died or were
// cut off: without them it keeps our locks for two hours. A transaction here
// never idles between statements.
var sessionSettings = map[string]string{
	"idle_in_transaction_session_timeout": "10s",
	"tcp_keepalives_idle":                 "3",
	"tcp_keepalives_interval":             "1",
	"tcp_keepalives_count":                "3",
	"tcp_user_timeout":                    "6s",
}

// planOnce has plans made once a connection: every statement here finds its rows by
// a key, whatever the values are. On a distributed server they decide the shard, which
// no generic plan can know: there it is left out.
var planOnce = map[string]string{"plan_cache_mode": "force_generic_plan"}

// isDistributed asks for the extension that spreads tables over servers.
const isDistributed = `SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')`

// withSessionSettings adds those of sessionSettings and planOnce that the connection
// string does not set, unless the server does not know them.
func withSessionSettings(ctx context.Context, cfg pq.Config) (pq.Config, error) {
	full := withDefaults(cfg, sessionSettings)
	db := openPool(&connector{cfg: full}, 1)
	defer db.Close()
	var distributed bool
	err := db.GetContext(ctx, &distributed, isDistributed)
	switch sqlClass(err) {
	case "08", "22", "42": // protocol, value or name refused
		return cfg, nil
	}
	if err == nil && !distributed {
		full = withDefaults(full, planOnce)
	}
	return full, err
}

func withDefaults(cfg pq.Config, settings map[string]string) pq.Config {
	full := cfg.Clone()
	for name, value := range settings {
		if _, written := full.Runtime[name]; !written {
			full.Runtime[name] = value
		}
	}
	return full
}
