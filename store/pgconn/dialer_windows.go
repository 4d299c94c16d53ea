package pgconn

import "syscall"

// nothingToRead returns true, because Windows sockets are not examined: the next statement
// detects a lost connection.
func nothingToRead(syscall.RawConn) bool { return true }
