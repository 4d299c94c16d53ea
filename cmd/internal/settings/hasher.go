package settings

import (
	"time"

	"fundpass/miniapp-api/passwd"
)

// hashCost is the cost of a hash in KiB and passes; zero means the defaults of package
// passwd.
var hashCost struct{ memory, time uint32 }

// UseTestLimits makes hashing cheap and sets DatabaseLimit. Tests of commands call it
// before they run.
func UseTestLimits(wait time.Duration) {
	hashCost.memory, hashCost.time = 64, 1
	DatabaseLimit = wait
}

// NewTenant returns a hasher with the pepper of f that shares a pool with other centres.
func (s Settings) NewTenant(f Files, pool *passwd.Pool) *passwd.Hasher {
	return passwd.NewHasher(passwd.HasherConfig{Pepper: f.Pepper, Memory: hashCost.memory, Time: hashCost.time, Pool: pool, Tenant: s.Center})
}

// NewHasher returns a hasher with the pepper of f that computes as many hashes at once as
// there are processors.
func NewHasher(f Files) *passwd.Hasher {
	return passwd.NewHasher(passwd.HasherConfig{Pepper: f.Pepper, Memory: hashCost.memory, Time: hashCost.time})
}
