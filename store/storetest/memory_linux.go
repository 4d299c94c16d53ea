package storetest

import (
	"os"
	"syscall"
)

// enoughMemory is many times what the databases of a run take.
const enoughMemory = 4 << 30

// base is where throwaway servers are: in memory where there is plenty, because a slow
// disk makes every statement wait. It goes by the size alone, so that all test binaries of
// a run agree.
func base() string {
	const memory = "/dev/shm"
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) != nil || uint64(fs.Blocks)*uint64(fs.Bsize) < enoughMemory {
		return os.TempDir()
	}
	return memory
}
