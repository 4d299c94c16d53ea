package argon2id

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// niceness of the hashing threads: a thread of a request weighs two and a half times as
	// much. That is enough for requests beside hashing, which the short slice below lets in
	// at once, and hashing keeps a share of the cores under a flood of requests; at 12,
	// fourteen to one, a flood left it a third of that. BenchmarkOverload measures both.
	niceness = 4

	// slice is how long a hash may run before the kernel looks who else waits.
	// Linux 6.12 and newer heed it (sched_attr.sched_runtime of a normal thread);
	// without it a request waits up to 3 ms at each of its hops.
	slice = 100 * time.Microsecond
)

// lowerPriority makes the calling thread nice, and never less so than the process is.
// Where that is forbidden, hashing goes on with the same priority as everything else.
func lowerPriority() {
	nice := niceness
	if priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		nice = max(nice, 20-priority) // the kernel answers 20 - nice
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice), Runtime: uint64(slice)}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice)
	}
}
