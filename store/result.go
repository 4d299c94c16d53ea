package store

import (
	"database/sql"
	"errors"
	"fmt"
)

// More errors a caller may act on, beside those of store.go.
var (
	ErrConflict        = errors.New("store: in conflict with what is there")
	ErrGone            = errors.New("store: expired, closed or never there")
	ErrBlocked         = errors.New("store: the account or its password is frozen or ended")
	ErrLimit           = errors.New("store: no more of it today")
	ErrCode            = errors.New("store: reset code wrong, used, expired or tried too often")
	ErrCodeSpentByUser = fmt.Errorf("%w: the last try of this user", ErrCode)
	ErrCodeSpent       = fmt.Errorf("%w: the last try of all", ErrCode)
	ErrRejected        = errors.New("store: the holder has rejected the link transfer")
	ErrRunning         = errors.New("store: another run of the same request is at it")
)

// mapNoRows returns meaning if err is sql.ErrNoRows, and err otherwise.
func mapNoRows(err, meaning error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return meaning
	}
	return err
}

// changedOne returns meaning if the statement changed no row, because its WHERE
// decides.
func changedOne(res sql.Result, err, meaning error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return meaning
	}
	return err
}
