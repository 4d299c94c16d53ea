package terminal

import (
	"errors"
	"fmt"
)

// ErrUsage ends a process with status 2: it was not asked properly, or could
// not look at what it was asked about.
var ErrUsage = errors.New("not done")

// Status is the status a process ends with for err, which is not nil: 2 for ErrUsage, else
// what the error itself says, else 1.
func Status(err error) int {
	var own interface{ ExitStatus() int }
	switch {
	case errors.Is(err, ErrUsage):
		return 2
	case errors.As(err, &own):
		return own.ExitStatus()
	}
	return 1
}

// AsUsage makes an error one of usage; nil stays nil.
func AsUsage(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUsage, err)
}
