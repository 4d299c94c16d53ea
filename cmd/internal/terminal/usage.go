package terminal

import (
	"errors"
	"fmt"
)

// ErrUsage makes the process exit with status 2: the call was invalid, or its input could
// not be examined.
var ErrUsage = errors.New("not done")

// Status returns the exit status for err, which must not be nil: 2 for ErrUsage,
// otherwise the error's ExitStatus, or 1.
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

// AsUsage wraps an error in ErrUsage; it returns nil for nil.
func AsUsage(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUsage, err)
}
