package pgconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/lib/pq"
)

// requestKey is the key of the request's context in the context of its transaction.
type requestKey struct{}

// detached returns a context for a transaction. It never ends, because COMMIT must not be
// cancelled, but the connection can still find the request's context.
func detached(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), requestKey{}, ctx)
}

// requestContext returns the context that detached was called with, or ctx itself.
func requestContext(ctx context.Context) context.Context {
	if r, ok := ctx.Value(requestKey{}).(context.Context); ok {
		return r
	}
	return ctx
}

// beginStatement leaves out READ WRITE, which lib/pq's BeginTx sends: it would
// override a database that was made read-only (default_transaction_read_only).
const beginStatement = "BEGIN ISOLATION LEVEL READ COMMITTED"

// BeginTx implements driver.ConnBeginTx. It is bounded by the request and ignores
// the options: all transactions are READ COMMITTED. The method of lib/pq would
// cancel COMMIT with ctx.
func (c *conn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	r, release := c.bound(requestContext(ctx), c.timeout)
	defer release()
	if _, err := c.pqConn.ExecContext(context.WithoutCancel(ctx), beginStatement, nil); err != nil {
		return nil, c.mapError(r, err)
	}
	return &transaction{tx: c.pqConn, conn: c, request: requestContext(ctx)}, nil
}

// transaction implements driver.Tx.
type transaction struct {
	tx      driver.Tx
	conn    *conn
	request context.Context
}

// Commit waits up to commitTimeout, even after the end of the request.
func (t *transaction) Commit() error {
	ctx, release := t.conn.bound(context.Background(), commitTimeout)
	defer release()
	t.conn.unreplicated = false
	err := t.tx.Commit()
	if err == nil && t.conn.unreplicated {
		return errUnreplicated
	}
	if errors.Is(err, pq.ErrInFailedTransaction) {
		return err
	}
	return t.conn.mapError(ctx, err)
}

// Rollback rolls back on the server until the request ends. Afterwards it closes the
// connection, which rolls back as well.
func (t *transaction) Rollback() error {
	if t.conn.bad || t.request.Err() != nil {
		t.conn.bad = true
		t.conn.dialer.close()
		return nil
	}
	ctx, release := t.conn.bound(t.request, t.conn.timeout)
	defer release()
	return t.conn.mapError(ctx, t.tx.Rollback())
}

// isUnreplicated reports whether a notice says "canceling wait for synchronous
// replication": the transaction is committed on the primary, and a failover may lose
// it. The routine's name is the same in every language; 57P01 is the form at shutdown.
func isUnreplicated(n *pq.Error) bool {
	return n.Routine == "SyncRepWaitForLSN" ||
		n.Code == "01000" && strings.Contains(n.Message, "synchronous replication")
}
