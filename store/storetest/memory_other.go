//go:build unix && !linux

package storetest

import "os"

// base returns the parent directory of throwaway servers.
func base() string { return os.TempDir() }
