package passwd

import (
	"errors"
	"fmt"
	"time"

	"fundpass/keys/calendar"
)

// A Lock says how many wrong guesses are allowed in a row and what follows. The
// rounds are gone through in order; a success or a proven reset starts again at
// the first.
type Lock struct {
	Rounds []Round `json:"rounds"`
}

// A Round allows some guesses and then locks.
type Round struct {
	Guesses int `json:"guesses"`
	// Lock is a duration ("15m", "1h"), "midnight" (until 00:00 Beijing time) or
	// "reset" (until a proven reset).
	Lock string `json:"lock"`
}

const (
	maxGuesses = 100 // NIST SP 800-63B-4, 3.2.2: consecutive failures
	maxLock    = 7 * 24 * time.Hour
)

// never is the end of a lock that only a reset opens.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Guesses returns how many guesses each round allows.
func (l Lock) Guesses() []int {
	n := make([]int, len(l.Rounds))
	for i, r := range l.Rounds {
		n[i] = r.Guesses
	}
	return n
}

// Until returns when each round's lock would open if it began now, in UTC. A
// lock that only a reset opens ends in the year 9999.
func (l Lock) Until(now time.Time) []time.Time {
	until := make([]time.Time, len(l.Rounds))
	for i, r := range l.Rounds {
		until[i] = r.until(now).UTC()
	}
	return until
}

func (r Round) until(now time.Time) time.Time {
	switch r.Lock {
	case "reset":
		return never
	case "midnight":
		_, midnight := calendar.Day(now)
		return midnight
	}
	d, err := time.ParseDuration(r.Lock)
	if err != nil { // a Lock that did not come through ParsePolicy: stay shut
		return never
	}
	return now.Add(d)
}

// check reports what is wrong with a lock that came from a file.
func (l Lock) check() error {
	if len(l.Rounds) == 0 {
		return errors.New("lock: no rounds")
	}
	sum := 0
	for i, r := range l.Rounds {
		last := i == len(l.Rounds)-1
		if r.Guesses < 1 || r.Guesses > maxGuesses {
			return fmt.Errorf("lock: round %d: guesses must be 1 to %d", i+1, maxGuesses)
		}
		if sum += r.Guesses; sum > maxGuesses {
			return fmt.Errorf("lock: more than %d guesses in a row (NIST SP 800-63B-4, 3.2.2)", maxGuesses)
		}
		if last != (r.Lock == "reset") {
			return errors.New(`lock: the last round, and only the last, locks until "reset"`)
		}
		if r.Lock == "reset" || r.Lock == "midnight" {
			continue
		}
		if d, err := time.ParseDuration(r.Lock); err != nil || d < time.Minute || d > maxLock {
			return fmt.Errorf(`lock: round %d: lock must be "midnight", "reset" or a duration from 1m to 168h`, i+1)
		}
	}
	return nil
}
