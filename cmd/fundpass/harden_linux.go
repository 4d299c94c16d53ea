package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// harden disables core files and debuggers of the same user, because the memory of the
// process holds passwords and keys.
func harden() error {
	var all []error
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		all = append(all, fmt.Errorf("RLIMIT_CORE: %w", err))
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		all = append(all, fmt.Errorf("PR_SET_DUMPABLE: %w", err))
	}
	return errors.Join(all...)
}
