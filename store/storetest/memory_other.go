//go:build unix && !linux

package storetest

import "os"

// base is where throwaway servers are.
func base() string { return os.TempDir() }
