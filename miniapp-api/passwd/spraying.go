package passwd

import "fmt"

// Spraying is one attempt each at many people. Its limits are of visitors who
// are not proven to be the person, and count people tried in vain: where they
// end, the sprayer is slowed down, not the citizens.
type Spraying struct {
	PerUser    int `json:"per_user"`          // people an Alipay user tries a day, Beijing time
	PerAddress int `json:"per_address"`       // people tried from an address a day; carriers share addresses
	PerMinute  int `json:"global_per_minute"` // first tries of anybody at a person, all together
}

// defaultSpraying: families share a phone, and towns share an address.
var defaultSpraying = Spraying{PerUser: 5, PerAddress: 200, PerMinute: 600}

// The largest limits: above them a count is no limit, or too large a row.
const (
	maxPerUser    = 100
	maxPerAddress = 2000
	maxPerMinute  = 100_000
)

// check reports what is wrong with limits that came from a file.
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
		return fmt.Errorf("spraying: per_address is under per_user")
	}
	return nil
}
