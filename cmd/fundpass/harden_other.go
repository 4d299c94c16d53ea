//go:build !linux

package main

// harden does nothing: servers run on Linux.
func harden() error { return nil }
