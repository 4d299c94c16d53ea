package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lib/pq"
)

// Limits of calls whose context has no deadline. Config replaces callLimit.
const (
	callLimit   = 5 * time.Second
	commitLimit = time.Minute
)

// pqConn is what a lib/pq connection can do.
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

// conn bounds every call of a lib/pq connection: it returns at latest 250 ms
// after its context's deadline, whatever the network does.
//
// It never returns driver.ErrBadConn for a statement, so database/sql never
// runs one twice.
type conn struct {
	pqConn
	line         *line
	limit        time.Duration // of calls whose context has no deadline
	statements   *statements   // nil: none by name
	bad          bool          // not to be used again
	reading      bool          // rows are open
	unreplicated bool          // the server warned so since this was last cleared
}

// begin starts the watch over one call. The caller defers release.
func (c *conn) begin(ctx context.Context, limit time.Duration) (_ context.Context, release func()) {
	cancel := func() {}
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	stop := c.line.watch(ctx)
	return ctx, func() {
		c.bad = c.bad || ctx.Err() != nil // a cancel request may still be on its way to this session
		stop()
		cancel()
	}
}

// QueryContext implements driver.QueryerContext. The watch goes on until the
// rows are closed.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ctx, release := c.begin(ctx, c.limit)
	r, err := c.query(ctx, query, args)
	if err != nil {
		err = c.fail(ctx, err)
		release()
		return nil, err
	}
	c.reading = true
	return &rows{pqRows: r.(pqRows), conn: c, ctx: ctx, release: release}, nil
}

// errReading: the protocol has one answer at a time. lib/pq sees to that only
// for statements without a name.
var errReading = errors.New("store: rows of an earlier query are still open on this connection")

func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.reading {
		return nil, errReading
	}
	if c.statements == nil || len(args) == 0 {
		return c.pqConn.QueryContext(ctx, query, args)
	}
	s, old, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil && old {
		err = c.statements.check(query, err)
	}
	return r, err
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ctx, release := c.begin(ctx, c.limit)
	defer release()
	r, err := c.exec(ctx, query, args)
	return r, c.fail(ctx, err)
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.reading {
		return nil, errReading
	}
	if c.statements == nil || len(args) == 0 {
		return c.pqConn.ExecContext(ctx, query, args)
	}
	s, old, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(ctx, args)
	if err != nil && old {
		err = c.statements.check(query, err)
	}
	return r, err
}

// statement returns query prepared, and whether it was before this call.
func (c *conn) statement(ctx context.Context, query string) (_ statement, old bool, _ error) {
	if s := c.statements.get(query); s != nil {
		return s, true, nil
	}
	s, err := c.pqConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, false, err
	}
	return s.(statement), false, c.statements.put(query, s.(statement))
}

// PrepareContext refuses: the connection prepares statements itself, and only
// where that is safe.
func (c *conn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errors.New("store: statements are prepared by the connection")
}

// Prepare refuses like PrepareContext.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	ctx, release := c.begin(ctx, c.limit)
	defer release()
	return c.fail(ctx, c.pqConn.Ping(ctx))
}

// ResetSession implements driver.SessionResetter: a connection that died while
// it was idle is replaced before a statement meets it.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.bad || !c.line.quiet() {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool { return !c.bad && c.pqConn.IsValid() }

// Close says goodbye unless the line is in doubt, and cuts it. It reports
// nothing, because a connection that fails to close is closed.
func (c *conn) Close() error {
	defer c.line.cut()
	if !c.bad {
		_, release := c.begin(context.Background(), cutAfter)
		defer release()
		c.pqConn.Close()
	}
	return nil
}

// fail turns an error of lib/pq into one that says what it means here.
func (c *conn) fail(ctx context.Context, err error) error {
	var server *pq.Error
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // a wrapped one is a connection that broke
		return err
	case errors.As(err, &server) && server.Code != "57014":
		return refused(err, server)
	case errors.As(err, &server) && ctx.Err() == nil: // cancelled by somebody else
		return err
	case ctx.Err() != nil:
		c.bad = true
		return ended(ctx, err)
	case c.pqConn.IsValid(): // refused by the driver itself, nothing was sent
		return err
	}
	c.bad = true
	return fmt.Errorf("%w: %v", errBroken, err)
}

// ended is the context's error with what the driver said when ctx ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %v", ctx.Err(), err)
}
