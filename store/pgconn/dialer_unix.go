//go:build unix

package pgconn

import "syscall"

// nothingToRead reports whether the socket is open and has no data to read. It does not
// consume data.
func nothingToRead(c syscall.RawConn) bool {
	var failed error
	err := c.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, failed = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && (failed == syscall.EAGAIN || failed == syscall.EINTR)
}
