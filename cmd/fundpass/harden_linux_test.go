package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestHarden(t *testing.T) {
	noError(t, harden())
	var limit unix.Rlimit
	noError(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	if limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("RLIMIT_CORE is %+v", limit)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || dumpable != 0 {
		t.Errorf("dumpable is %d, %v", dumpable, err)
	}
}
