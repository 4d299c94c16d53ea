//go:build !linux

package main

// harden does nothing: production servers run on Linux.
func harden() error { return nil }
