package store

import (
	"database/sql"
	"errors"
	"fmt"
)

// Further errors that callers may act on.
var (
	ErrConflict        = errors.New("store: conflict with an existing row")
	ErrGone            = errors.New("store: expired, closed or unknown")
	ErrBlocked         = errors.New("store: account frozen or ended, or password frozen")
	ErrLimit           = errors.New("store: daily limit reached")
	ErrNoPhone         = errors.New("store: no phone of the person's own on file")
	ErrTooSoon         = errors.New("store: another SMS code was requested a moment ago")
	ErrCode            = errors.New("store: reset code wrong, used, expired or tried too often")
	ErrCodeSpentByUser = fmt.Errorf("%w: no attempts left for this user", ErrCode)
	ErrCodeSpent       = fmt.Errorf("%w: no attempts left", ErrCode)
	ErrRejected        = errors.New("store: link transfer rejected by the holder")
	ErrRunning         = errors.New("store: another run of the request is in progress")
)

// mapNoRows returns meaning if err is sql.ErrNoRows, and err otherwise.
func mapNoRows(err, meaning error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return meaning
	}
	return err
}

// changedOne returns meaning if the statement changed no row.
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
