package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/lib/pq"
)

// requestKey finds the context of the request in the context of its transaction.
type requestKey struct{}

// whole is a context for a transaction: it never ends by itself, because COMMIT
// must not be cancelled, but the connection still sees when the request ends.
func whole(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), requestKey{}, ctx)
}

func request(ctx context.Context) context.Context {
	if r, ok := ctx.Value(requestKey{}).(context.Context); ok {
		return r
	}
	return ctx
}

// begin leaves out READ WRITE, which lib/pq's BeginTx says: it would overrule a
// database that was made read-only (default_transaction_read_only).
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

// BeginTx implements driver.ConnBeginTx. It is bounded by the request, and makes
// the one kind of transaction there is. lib/pq's would watch ctx through COMMIT.
func (c *conn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	r, release := c.begin(request(ctx), c.limit)
	defer release()
	if _, err := c.pqConn.ExecContext(context.WithoutCancel(ctx), begin, nil); err != nil {
		return nil, c.fail(r, err)
	}
	return &transaction{tx: c.pqConn, conn: c, request: request(ctx)}, nil
}

type transaction struct {
	tx      driver.Tx
	conn    *conn
	request context.Context
}

// Commit waits up to commitLimit, whatever became of the request.
func (t *transaction) Commit() error {
	ctx, release := t.conn.begin(context.Background(), commitLimit)
	defer release()
	t.conn.unreplicated = false
	err := t.tx.Commit()
	if err == nil && t.conn.unreplicated {
		return errUnreplicated
	}
	if errors.Is(err, pq.ErrInFailedTransaction) {
		return err
	}
	return t.conn.fail(ctx, err)
}

// Rollback asks the server only while somebody waits; otherwise it hangs up,
// which undoes the transaction too.
func (t *transaction) Rollback() error {
	if t.conn.bad || t.request.Err() != nil {
		t.conn.bad = true
		t.conn.line.cut()
		return nil
	}
	ctx, release := t.conn.begin(t.request, t.conn.limit)
	defer release()
	return t.conn.fail(ctx, t.tx.Rollback())
}

// isUnreplicated recognises "canceling wait for synchronous replication": the
// transaction is committed here, and a failover may lose it. The routine's name
// is the same in every language; 57P01 is the form at shutdown.
func isUnreplicated(n *pq.Error) bool {
	return n.Routine == "SyncRepWaitForLSN" ||
		n.Code == "01000" && strings.Contains(n.Message, "synchronous replication")
}
