//go:build !linux

package argon2id

// lowerPriority does nothing: only Linux gives threads priorities of their own.
func lowerPriority() {}
