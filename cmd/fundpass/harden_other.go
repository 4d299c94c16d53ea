//go:build !linux

package main

import "errors"

// harden is for Linux, where servers run.
func harden() error { return errors.New("not supported on this system") }
