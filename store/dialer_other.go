//go:build !linux

package store

import "syscall"

// limitUnacknowledged has no counterpart here; keep-alive and the deadlines remain.
func limitUnacknowledged(_, _ string, _ syscall.RawConn) error { return nil }
