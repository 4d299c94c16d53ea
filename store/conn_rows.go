package store

import (
	"context"
	"database/sql/driver"
)

// pqRows is what lib/pq's rows can do.
type pqRows interface {
	driver.Rows
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

// rows keeps the watch of the query that made it.
type rows struct {
	pqRows
	conn    *conn
	ctx     context.Context
	release func()
}

// Next implements driver.Rows.
func (r *rows) Next(to []driver.Value) error { return r.conn.fail(r.ctx, r.pqRows.Next(to)) }

// Close implements driver.Rows. database/sql calls it once.
func (r *rows) Close() error {
	defer r.release()
	r.conn.reading = false
	return r.conn.fail(r.ctx, r.pqRows.Close())
}
