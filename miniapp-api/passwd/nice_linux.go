package passwd

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// niceness of the hashing threads: a waking request thread outweighs one
	// fourteen to one, and hashing still gets on when requests fill the cores.
	niceness = 12

	// slice is how long a hash may run before the kernel looks who else waits.
	// Linux 6.12 and newer heed it (sched_attr.sched_runtime of a normal thread);
	// without it a request waits up to 3 ms at each of its hops.
	slice = 100 * time.Microsecond
)

// lowerPriority makes the calling thread nice. Where that is forbidden, hashing
// goes on with the same priority as everything else.
func lowerPriority() {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness, Runtime: uint64(slice)}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness)
	}
}
