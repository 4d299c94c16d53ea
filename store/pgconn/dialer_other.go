//go:build !linux

package pgconn

import "syscall"

// limitUnacknowledged does nothing: TCP_USER_TIMEOUT is an option of Linux. Keep-alive
// and the deadlines remain.
func limitUnacknowledged(_, _ string, _ syscall.RawConn) error { return nil }
