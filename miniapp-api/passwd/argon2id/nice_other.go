//go:build !linux

package argon2id

// lowerPriority does nothing: only Linux has priorities of threads.
func lowerPriority(int) {}
