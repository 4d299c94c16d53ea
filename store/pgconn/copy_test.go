package pgconn_test

import (
	"database/sql/driver"
	"errors"
	"testing"

	"fundpass/store/pgconn"
)

func TestCopyIn(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	db := ledger(t, dsn)
	own := errors.New("own")
	copyEntries := func(last error, ids ...string) error {
		return db.InTxOnce(t.Context(), func(tx *pgconn.Tx) error {
			return tx.CopyIn(t.Context(), `COPY entry (id) FROM STDIN`, func(put func(...driver.Value) error) error {
				for _, id := range ids {
					if err := put(id); err != nil {
						return err
					}
				}
				return last
			})
		})
	}
	noError(t, copyEntries(nil, "a", "b"))
	if err := copyEntries(own, "c"); !errors.Is(err, own) {
		t.Errorf("got %v, want the error of rows", err)
	}
	if err := copyEntries(nil, "d", "a"); !pgconn.IsConstraintViolation(err) {
		t.Errorf("got %v, want a constraint violation", err)
	}
	noError(t, copyEntries(nil, "e")) // the connection is usable after errors
	if n, _ := count(t, dsn, ""); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}
