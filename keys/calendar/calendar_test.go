package calendar

import (
	"testing"
	"time"
)

// Days are those of Beijing for times in any zone.
func TestDay(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"2026-02-28T15:59:59.999Z":  {"2026-02-28T00:00:00+08:00", "2026-03-01T00:00:00+08:00"},
		"2026-02-28T16:00:00Z":      {"2026-03-01T00:00:00+08:00", "2026-03-02T00:00:00+08:00"},
		"2026-12-31T23:30:00+08:00": {"2026-12-31T00:00:00+08:00", "2027-01-01T00:00:00+08:00"},
		"2026-12-31T23:30:00-05:00": {"2027-01-01T00:00:00+08:00", "2027-01-02T00:00:00+08:00"},
	} {
		at, err := time.Parse(time.RFC3339, in)
		if err != nil {
			t.Fatal(err)
		}
		begins, ends := Day(at)
		if got := [2]string{begins.Format(time.RFC3339), ends.Format(time.RFC3339)}; got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
