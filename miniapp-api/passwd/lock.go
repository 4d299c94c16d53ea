package passwd

import (
	"errors"
	"fmt"
	"time"

	"fundpass/keys/calendar"
)

// A Lock says how many failed attempts in a row are allowed and what follows. Its tiers
// apply in order; a success or a proven reset starts again with the first.
type Lock struct {
	Tiers []Tier `json:"rounds"`
}

// A Tier allows a number of failed attempts and then locks.
type Tier struct {
	Attempts int `json:"guesses"`
	// Lock is a duration ("15m", "1h"), "midnight" (until 00:00 Beijing time) or
	// "reset" (until a proven reset).
	Lock string `json:"lock"`
}

const (
	maxAttempts = 100 // NIST SP 800-63B-4, 3.2.2: consecutive failures
	maxLock     = 7 * 24 * time.Hour
)

// never is the end of a lock that only a reset ends.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Attempts returns the number of failed attempts that each tier allows.
func (l Lock) Attempts() []int {
	n := make([]int, len(l.Tiers))
	for i, t := range l.Tiers {
		n[i] = t.Attempts
	}
	return n
}

// Until returns for each tier when its lock would end if it began now, in UTC. A lock
// that only a reset ends has the year 9999.
func (l Lock) Until(now time.Time) []time.Time {
	until := make([]time.Time, len(l.Tiers))
	for i, t := range l.Tiers {
		until[i] = t.until(now).UTC()
	}
	return until
}

func (t Tier) until(now time.Time) time.Time {
	switch t.Lock {
	case "reset":
		return never
	case "midnight":
		_, midnight := calendar.Day(now)
		return midnight
	}
	d, err := time.ParseDuration(t.Lock)
	if err != nil { // the Lock was not parsed by ParsePolicy: fail closed
		return never
	}
	return now.Add(d)
}

// check returns an error if a lock read from a file is invalid.
func (l Lock) check() error {
	if len(l.Tiers) == 0 {
		return errors.New("lock: no rounds")
	}
	sum := 0
	for i, t := range l.Tiers {
		last := i == len(l.Tiers)-1
		if t.Attempts < 1 || t.Attempts > maxAttempts {
			return fmt.Errorf("lock: round %d: guesses must be 1 to %d", i+1, maxAttempts)
		}
		if sum += t.Attempts; sum > maxAttempts {
			return fmt.Errorf("lock: more than %d attempts in a row (NIST SP 800-63B-4, 3.2.2)", maxAttempts)
		}
		if last != (t.Lock == "reset") {
			return errors.New(`lock: the last round, and only the last, locks until "reset"`)
		}
		if t.Lock == "reset" || t.Lock == "midnight" {
			continue
		}
		if d, err := time.ParseDuration(t.Lock); err != nil || d < time.Minute || d > maxLock {
			return fmt.Errorf(`lock: round %d: lock must be "midnight", "reset" or a duration from 1m to 168h`, i+1)
		}
	}
	return nil
}
