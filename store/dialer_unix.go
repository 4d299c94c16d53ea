//go:build unix

package store

import "syscall"

// nothingToRead looks at a socket without taking anything from it.
func nothingToRead(c syscall.RawConn) bool {
	var failed error
	err := c.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, failed = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && (failed == syscall.EAGAIN || failed == syscall.EINTR)
}
