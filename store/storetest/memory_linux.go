package storetest

import (
	"os"
	"syscall"
)

// enoughMemory is many times the size of the databases of a run.
const enoughMemory = 4 << 30

// base returns the parent directory of throwaway servers: in memory if there is enough,
// because a slow disk delays every statement. It depends on the total size only, so that
// all test binaries of a run agree.
func base() string {
	const memory = "/dev/shm"
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) != nil || uint64(fs.Blocks)*uint64(fs.Bsize) < enoughMemory {
		return os.TempDir()
	}
	return memory
}
