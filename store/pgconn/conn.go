package pgconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lib/pq"
)

// Limits of calls whose context has no deadline. Config.CallTimeout replaces
// defaultCallTimeout.
const (
	defaultCallTimeout = 5 * time.Second
	commitTimeout      = time.Minute
)

// pqConn has the methods of a lib/pq connection.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.Tx
	driver.ConnPrepareContext
	driver.QueryerContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// conn bounds every call of a lib/pq connection: a call returns at most 250 ms after its
// context's deadline, also if the network does not answer.
//
// It never returns driver.ErrBadConn for a statement, so database/sql never runs a
// statement twice.
type conn struct {
	pqConn
	dialer       *dialer
	timeout      time.Duration // of calls whose context has no deadline
	statements   *stmtCache    // nil if statements are not prepared by name
	bad          bool          // must not be used again
	rowsOpen     bool
	unreplicated bool // set by a notice of the server, cleared before COMMIT
}

// bound limits one call: ctx gets a deadline if it has none, and the sockets are
// closed if the call outlasts it. The caller defers release.
func (c *conn) bound(ctx context.Context, timeout time.Duration) (_ context.Context, release func()) {
	cancel := func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	stop := c.dialer.closeAfter(ctx)
	return ctx, func() {
		c.bad = c.bad || ctx.Err() != nil // a cancel request may reach this session later
		stop()
		cancel()
	}
}

// QueryContext implements driver.QueryerContext. The call lasts until the rows
// are closed.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, release := c.bound(ctx, c.timeout)
	r, err := c.query(ctx, query, args)
	if err != nil {
		err = c.mapError(ctx, err)
		release()
		return nil, err
	}
	c.rowsOpen = true
	return &rows{pqRows: r.(pqRows), conn: c, ctx: ctx, release: release}, nil
}

// errRowsOpen reports a statement on a connection with open rows. The protocol allows one
// answer at a time, which lib/pq checks only for statements without a name.
var errRowsOpen = errors.New("pgconn: rows of an earlier query are still open on this connection")

// query runs a query as a prepared statement if it has arguments.
func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.rowsOpen {
		return nil, errRowsOpen
	}
	if c.statements == nil || len(args) == 0 {
		return c.pqConn.QueryContext(ctx, query, args)
	}
	s, cached, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil && cached {
		err = c.statements.dropStale(query, err)
	}
	return r, err
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, release := c.bound(ctx, c.timeout)
	defer release()
	r, err := c.exec(ctx, query, args)
	return r, c.mapError(ctx, err)
}

// exec runs a statement as a prepared statement if it has arguments.
func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.rowsOpen {
		return nil, errRowsOpen
	}
	if c.statements == nil || len(args) == 0 {
		return c.pqConn.ExecContext(ctx, query, args)
	}
	s, cached, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(ctx, args)
	if err != nil && cached {
		err = c.statements.dropStale(query, err)
	}
	return r, err
}

// prepared returns the prepared statement of query, and whether it was prepared
// before this call.
func (c *conn) prepared(ctx context.Context, query string) (_ stmt, cached bool, _ error) {
	if s := c.statements.get(query); s != nil {
		return s, true, nil
	}
	s, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, false, err
	}
	return s.(stmt), false, c.statements.put(query, s.(stmt))
}

// PrepareContext returns an error: the connection prepares statements itself,
// and only where that is safe.
func (c *conn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errors.New("pgconn: statements are prepared by the connection")
}

// Prepare returns an error like PrepareContext.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	ctx, release := c.bound(ctx, c.timeout)
	defer release()
	return c.mapError(ctx, c.pqConn.Ping(ctx))
}

// ResetSession implements driver.SessionResetter. It returns driver.ErrBadConn for a
// connection that was lost while it was idle, so that database/sql replaces it before a
// statement uses it.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.bad || !c.dialer.isIdle() {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool { return !c.bad && c.pqConn.IsValid() }

// Close implements driver.Conn. It ends the session unless the connection is bad, and
// closes the sockets. It returns nil, because a connection that fails to close is closed.
func (c *conn) Close() error {
	defer c.dialer.close()
	if !c.bad {
		_, release := c.bound(context.Background(), cancelGrace)
		defer release()
		c.pqConn.Close()
	}
	return nil
}

// mapError maps an error of lib/pq to its cause: an answer of the server, the end of the
// context or a lost connection.
func (c *conn) mapError(ctx context.Context, err error) error {
	var server *pq.Error
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // a wrapped io.EOF is a lost connection
		return err
	case errors.As(err, &server) && server.Code != "57014":
		return hideValues(err, server)
	case errors.As(err, &server) && ctx.Err() == nil: // cancelled by another session
		return err
	case ctx.Err() != nil:
		c.bad = true
		return contextError(ctx, err)
	case c.pqConn.IsValid(): // refused by the driver before it sent anything
		return err
	}
	c.bad = true
	return fmt.Errorf("%w: %v", errConnLost, err)
}

// contextError returns err, or the error of ctx with the text of err if ctx has
// ended.
func contextError(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %v", ctx.Err(), err)
}
