package localpg

import "syscall"

// dieWithParent makes the kernel send signal to the child when its parent thread ends.
func dieWithParent(a *syscall.SysProcAttr, signal syscall.Signal) { a.Pdeathsig = signal }
