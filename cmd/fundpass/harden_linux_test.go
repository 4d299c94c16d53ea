package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A server hardens its process before it has read anything of a citizen's. The
// test is not parallel: other servers of this process would do it, too.
func TestServeHardens(t *testing.T) {
	noError(t, unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	var limit unix.Rlimit
	noError(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	if limit.Max > 0 {
		limit.Cur = limit.Max
		noError(t, unix.Setrlimit(unix.RLIMIT_CORE, &limit))
	}

	server := beginServe(t, newBareSite(t).env())
	server.awaitDatabase()
	noError(t, server.Stop())

	noError(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	if limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("RLIMIT_CORE is %+v", limit)
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || dumpable != 0 {
		t.Errorf("dumpable is %d, %v", dumpable, err)
	}
}
