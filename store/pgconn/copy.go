package pgconn

import (
	"context"
	"database/sql/driver"
)

// CopyIn runs a COPY … FROM STDIN statement. rows calls put for each row and returns its
// first error.
func (tx *Tx) CopyIn(ctx context.Context, statement string, rows func(put func(row ...driver.Value) error) error) error {
	return tx.conn.Raw(func(c any) error { return c.(*conn).copyIn(ctx, statement, rows) })
}

func (c *conn) copyIn(ctx context.Context, statement string, rows func(put func(row ...driver.Value) error) error) error {
	ctx, release := c.bound(ctx, c.timeout)
	defer release()
	s, err := c.pqConn.PrepareContext(ctx, statement)
	if err != nil {
		return c.mapError(ctx, err)
	}
	defer s.Close() // after an error it ends the COPY
	err = rows(func(row ...driver.Value) error {
		_, err := s.Exec(row) //nolint:staticcheck // lib/pq's COPY statement has no ExecContext
		return err
	})
	if err != nil {
		return c.mapError(ctx, err)
	}
	_, err = s.Exec(nil) //nolint:staticcheck // ends the COPY and reports its errors
	return c.mapError(ctx, err)
}
