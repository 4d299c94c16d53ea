package argon2id

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// niceness is the nice value of the hashing threads. A thread of a request then has two and a
	// half times their weight. This suffices for requests, which the short slice below lets run at
	// once, and leaves hashing a share of the cores under a flood of requests; with 12, a weight of
	// fourteen, a flood leaves a third of that. BenchmarkOverload measures both.
	niceness = 4

	// slice is how long a hash runs before the kernel schedules another thread. Linux 6.12 and newer
	// respect it (sched_attr.sched_runtime of a normal thread); without it a request waits up to 3 ms
	// at each of its hops.
	slice = 100 * time.Microsecond
)

// lowerPriority raises the nice value of the calling thread to at least niceness. If that
// is not permitted, hashing continues with the priority of the process.
func lowerPriority() {
	nice := niceness
	if priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		nice = max(nice, 20-priority) // the kernel returns 20 - nice
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice), Runtime: uint64(slice)}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice)
	}
}
