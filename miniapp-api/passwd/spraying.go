package passwd

import "fmt"

// Spraying limits attempts at many people with few attempts at each. The limits are for
// visitors who are not proven to be the person, and count people tried without success.
// At a limit the visitor is delayed, not the citizens.
type Spraying struct {
	PerUser    int `json:"per_user"`          // people per Alipay user and day, Beijing time
	PerAddress int `json:"per_address"`       // people per network address and day; carriers share addresses
	PerMinute  int `json:"global_per_minute"` // first attempts at a person by anybody, in total
}

// defaultSpraying takes into account that families share a phone and towns share an
// address.
var defaultSpraying = Spraying{PerUser: 5, PerAddress: 200, PerMinute: 600}

// Maximum limits: larger ones are ineffective or make a row too large.
const (
	maxPerUser    = 100
	maxPerAddress = 2000
	maxPerMinute  = 100_000
)

// check returns an error if limits read from a file are invalid.
func (s Spraying) check() error {
	for _, l := range []struct {
		name        string
		value, most int
	}{
		{"per_user", s.PerUser, maxPerUser},
		{"per_address", s.PerAddress, maxPerAddress},
		{"global_per_minute", s.PerMinute, maxPerMinute},
	} {
		if l.value < 1 || l.value > l.most {
			return fmt.Errorf("spraying: %s must be 1 to %d", l.name, l.most)
		}
	}
	if s.PerAddress < s.PerUser {
		return fmt.Errorf("spraying: per_address is less than per_user")
	}
	return nil
}
