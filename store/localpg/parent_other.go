//go:build unix && !linux

package localpg

import "syscall"

// dieWithParent does nothing on this system: the next owner takes over an orphan.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
