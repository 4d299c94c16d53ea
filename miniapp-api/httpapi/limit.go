package httpapi

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
)

// A Rate allows Burst requests at once and PerSecond in the long run.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates of a server that configures none.
var (
	DefaultPerAddress = Rate{PerSecond: 100, Burst: 1000}
	DefaultPerUser    = Rate{PerSecond: 5, Burst: 60}
)

func (r Rate) or(otherwise Rate) Rate {
	if r.PerSecond <= 0 || r.Burst <= 0 {
		return otherwise
	}
	return r
}

// A limiter counts by the generic cell rate algorithm (ITU-T I.371): one point
// in time a key says when its allowance will be whole again. It is kept in
// memory, a process each: it guards the process. Attempts are counted in the
// database.
type limiter struct {
	every, slack time.Duration
	most         int // keys

	mu    sync.Mutex
	whole map[string]time.Time
	swept time.Time
}

const (
	// sweepEvery is how often keys that are whole again are forgotten.
	sweepEvery = time.Minute

	// mostKeys bounds the memory, to some 15 MB: strangers bring as many networks as
	// they can rent.
	mostKeys = 100_000
)

func newLimiter(r Rate) *limiter {
	every := time.Duration(float64(time.Second) / r.PerSecond)
	return &limiter{every: every, slack: every * time.Duration(r.Burst-1), most: mostKeys, whole: make(map[string]time.Time)}
}

// wait takes one request of key's allowance and returns 0, or the seconds
// until there is one.
func (l *limiter) wait(key string) int {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) >= sweepEvery {
		l.sweep(now)
	}
	whole, known := l.whole[key]
	if !known && len(l.whole) >= l.most {
		l.makeRoom(now)
	}
	if whole.Before(now) {
		whole = now
	}
	if ahead := whole.Sub(now); ahead > l.slack {
		return max(1, int(math.Ceil((ahead - l.slack).Seconds())))
	}
	l.whole[key] = whole.Add(l.every)
	return 0
}

func (l *limiter) sweep(now time.Time) {
	l.swept = now
	maps.DeleteFunc(l.whole, func(_ string, whole time.Time) bool { return whole.Before(now) })
}

// makeRoom forgets the eighth of the keys that are nearest to being whole. Whoever wants
// a key forgotten has to use most of the others more, and so gains nothing.
func (l *limiter) makeRoom(now time.Time) {
	l.sweep(now)
	excess := len(l.whole) - l.most + l.most/8 + 1
	if excess <= 0 {
		return
	}
	last := slices.SortedFunc(maps.Values(l.whole), time.Time.Compare)[excess-1]
	maps.DeleteFunc(l.whole, func(_ string, whole time.Time) bool { return !whole.After(last) })
}

// limited refuses a network that asks too often, before anything is read.
func (s *Server) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if wait := s.addresses.wait(network(c.RealIP())); wait > 0 {
			return selfservice.ErrTooManyRequests.WithRetryAfter(wait)
		}
		return next(c)
	}
}

// network is what counts as one address: IPv6 gives every customer a /64.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
