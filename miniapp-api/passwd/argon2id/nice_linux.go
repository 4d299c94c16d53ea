package argon2id

import (
	"time"

	"golang.org/x/sys/unix"
)

// slice is how long a hash runs before the kernel schedules another thread. Linux 6.12 and newer
// respect it (sched_attr.sched_runtime of a normal thread); without it a request waits up to 3 ms
// at each of its hops.
const slice = 100 * time.Microsecond

// lowerPriority raises the nice value of the calling thread to at least nice. If that is not
// permitted, hashing continues with the priority of the process.
func lowerPriority(nice int) {
	if priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		nice = max(nice, 20-priority) // the kernel returns 20 - nice
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice), Runtime: uint64(slice)}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), nice)
	}
}
