package settings

import (
	"time"

	"fundpass/miniapp-api/passwd"
)

// hashCost is what passwords cost in KiB and passes; zero is passwd's own.
var hashCost struct{ memory, time uint32 }

// UseTestLimits makes hashing cheap and the limits of the database as long as wait. The
// tests of commands, which are about something else, call it before they begin.
func UseTestLimits(wait time.Duration) {
	hashCost.memory, hashCost.time = 64, 1
	DatabaseLimit = wait
}

// NewHasher bounds hashing to the processors there are.
func NewHasher(f Files) *passwd.Hasher {
	return passwd.NewHasher(passwd.HasherConfig{Pepper: f.Pepper, Memory: hashCost.memory, Time: hashCost.time})
}
