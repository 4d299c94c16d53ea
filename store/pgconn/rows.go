package pgconn

import (
	"context"
	"database/sql/driver"
)

// pqRows has the methods of lib/pq's rows.
type pqRows interface {
	driver.Rows
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

// rows keeps the deadline of the query that returned it.
type rows struct {
	pqRows
	conn    *conn
	ctx     context.Context
	release func()
}

// Next implements driver.Rows.
func (r *rows) Next(dest []driver.Value) error { return r.conn.mapError(r.ctx, r.pqRows.Next(dest)) }

// Close implements driver.Rows. database/sql calls it once.
func (r *rows) Close() error {
	defer r.release()
	r.conn.rowsOpen = false
	return r.conn.mapError(r.ctx, r.pqRows.Close())
}
