package testenv

import (
	"fmt"
	"os"
	"strings"
)

// Runner returns the process id of the go command that runs this test binary,
// or 0 if another program runs it.
func Runner() int {
	parent := os.Getppid()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if err != nil || strings.TrimSpace(string(name)) != "go" {
		return 0
	}
	return parent
}

// runnerOutput opens the standard error of the go command if it is a terminal or a pipe,
// and returns nil otherwise. In a file, writes through a second descriptor would be
// overwritten by the go command.
func runnerOutput() *os.File {
	parent := Runner()
	if parent == 0 {
		return nil
	}
	path := fmt.Sprintf("/proc/%d/fd/2", parent)
	info, err := os.Stat(path)
	if err != nil || info.Mode()&(os.ModeCharDevice|os.ModeNamedPipe) == 0 {
		return nil
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil
	}
	return out
}
