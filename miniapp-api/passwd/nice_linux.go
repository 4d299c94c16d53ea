package passwd

import "golang.org/x/sys/unix"

// niceness of the hashing threads: a waking request thread outweighs one nine
// to one, and hashing still gets on when requests fill the cores.
const niceness = 10

// lowerPriority makes the calling thread nice. Where that is forbidden, hashing
// goes on with the same priority as everything else.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) }
