package passwd

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLock(t *testing.T) {
	t.Parallel()
	l := Lock{[]Tier{{5, "15m"}, {3, "1h"}, {2, "midnight"}, {1, "reset"}, {1, "nonsense"}}}
	if diff := cmp.Diff([]int{5, 3, 2, 1, 1}, l.Attempts()); diff != "" {
		t.Error(diff)
	}
	at := func(s string) time.Time {
		tm, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return tm.UTC()
	}
	for now, midnight := range map[string]string{
		"2027-03-01T11:00:00+08:00": "2027-03-02T00:00:00+08:00",
		"2027-03-01T23:59:59+08:00": "2027-03-02T00:00:00+08:00",
		"2027-03-02T00:00:00+08:00": "2027-03-03T00:00:00+08:00",
		"2027-03-01T15:59:59Z":      "2027-03-02T00:00:00+08:00",
		"2027-03-01T16:00:00Z":      "2027-03-03T00:00:00+08:00",
		"2027-12-31T20:00:00+08:00": "2028-01-01T00:00:00+08:00",
		"2028-02-28T20:00:00+08:00": "2028-02-29T00:00:00+08:00",
		"2027-03-01T08:00:00-11:00": "2027-03-03T00:00:00+08:00",
		"1988-07-01T12:00:00.5Z":    "1988-07-02T00:00:00+08:00", // no summer time
	} {
		n := at(now)
		want := []time.Time{n.Add(15 * time.Minute), n.Add(time.Hour), at(midnight), never, never}
		if diff := cmp.Diff(want, l.Until(n)); diff != "" {
			t.Errorf("%s: %s", now, diff)
		}
	}
	if never.Year() != 9999 {
		t.Error(never)
	}
}

func TestLockProperties(t *testing.T) {
	t.Parallel()
	l := Lock{[]Tier{{1, "15m"}, {1, "midnight"}, {1, "reset"}}}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns"))
		for i, until := range l.Until(now) {
			if !until.After(now) || until.Location() != time.UTC {
				t.Fatalf("tier %d: %v at %v", i, until, now)
			}
		}
		if d := l.Until(now)[1].Sub(now); d > 24*time.Hour {
			t.Fatalf("midnight is %v away", d)
		}
	})
}
