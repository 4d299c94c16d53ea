//go:build unix && !linux

package localpg

import "syscall"

// dieWithParent has no counterpart here: the next owner takes an orphan over.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
