package terminal

import (
	"errors"
	"fmt"
	"testing"
)

type ended int

func (e ended) Error() string   { return "ended" }
func (e ended) ExitStatus() int { return int(e) }

// TestStatus checks the exit statuses of errors.
func TestStatus(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		errors.New("x"): 1, AsUsage(errors.New("x")): 2, ended(3): 3, fmt.Errorf("roster: %w", ended(3)): 3, AsUsage(ended(3)): 2,
	} {
		if got := Status(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
	if AsUsage(nil) != nil {
		t.Error("nothing became an error")
	}
}
