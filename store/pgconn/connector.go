package pgconn

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A connector opens lib/pq connections and wraps each in a conn.
type connector struct {
	cfg     pq.Config
	named   bool            // prepare statements by name; false behind a transaction pooler
	notice  func(*pq.Error) // called with every notice; may be nil
	timeout time.Duration   // of calls whose context has no deadline; 0 means defaultCallTimeout
	host    atomic.Int64    // index of the host that accepted the latest connection
}

// newDB returns a pool of at most n connections.
func newDB(c *connector, n int) *sqlx.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute)
	return sqlx.NewDb(db, "postgres")
}

// Connect implements driver.Connector. It tries the host of the latest connection first,
// because after a failover a dead host would cost every new connection the connection
// timeout. It spends at most that on each host and returns when ctx ends.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	hosts, first := hostsOf(c.cfg), c.host.Load()
	var failed []error
	for i := range int64(len(hosts)) {
		at := (first + i) % int64(len(hosts))
		opened, err := c.connect(ctx, hosts[at])
		if err == nil {
			c.host.Store(at)
			return opened, nil
		}
		if failed = append(failed, err); ctx.Err() != nil {
			break
		}
	}
	return nil, setupError{contextError(ctx, errors.Join(failed...))}
}

// connect connects to one host.
func (c *connector) connect(ctx context.Context, host pq.Config) (driver.Conn, error) {
	inner, err := pq.NewConnectorConfig(host)
	if err != nil {
		return nil, err
	}
	d := newDialer()
	inner.Dialer(d)
	release := d.closeAfter(ctx)
	defer release()
	opened, err := inner.Connect(ctx)
	if err != nil {
		d.close()
		return nil, err
	}
	d.setPrimary()
	w := &conn{pqConn: opened.(pqConn), dialer: d, timeout: cmp.Or(c.timeout, defaultCallTimeout)}
	if c.named {
		w.statements = newStmtCache(stmtCacheSize)
	}
	pq.SetNoticeHandler(opened, func(n *pq.Error) {
		w.unreplicated = w.unreplicated || isUnreplicated(n)
		if c.notice != nil {
			c.notice(n)
		}
	})
	return w, nil
}

// Driver implements driver.Connector. Only database/sql calls it.
func (c *connector) Driver() driver.Driver { return pq.Driver{} }

// sessionSettings make the server end the session of a client that died or was cut off,
// whose locks it would otherwise keep for two hours. A transaction of Pool never idles
// between statements.
var sessionSettings = map[string]string{
	"idle_in_transaction_session_timeout": "10s",
	"tcp_keepalives_idle":                 "3",
	"tcp_keepalives_interval":             "1",
	"tcp_keepalives_count":                "3",
	"tcp_user_timeout":                    "6s",
}

// genericPlans makes the server plan each statement once a connection: every statement finds
// its rows by a key. A distributed server needs the values to find the shard, so it does not
// get the setting.
var genericPlans = map[string]string{"plan_cache_mode": "force_generic_plan"}

// withSessionSettings adds the settings of sessionSettings and genericPlans that the
// connection string does not set, unless the server refuses them.
func withSessionSettings(ctx context.Context, cfg pq.Config) (pq.Config, error) {
	full := withDefaults(cfg, sessionSettings)
	db := newDB(&connector{cfg: full}, 1)
	defer db.Close()
	var distributed bool
	err := db.GetContext(ctx, &distributed, `SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')`)
	switch sqlClass(err) {
	case "08", "22", "42": // protocol, value or name refused
		return cfg, nil
	}
	if err == nil && !distributed {
		full = withDefaults(full, genericPlans)
	}
	return full, err
}

func withDefaults(cfg pq.Config, settings map[string]string) pq.Config {
	full := cfg.Clone()
	for name, value := range settings {
		if _, set := full.Runtime[name]; !set {
			full.Runtime[name] = value
		}
	}
	return full
}
