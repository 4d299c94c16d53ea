//go:build !linux

package passwd

// lowerPriority does nothing: only Linux gives threads priorities of their own.
func lowerPriority() {}
