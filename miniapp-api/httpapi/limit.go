package httpapi

import (
	"maps"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/selfservice"
)

// A Rate allows Burst requests at once and PerSecond on average.
type Rate struct {
	PerSecond float64
	Burst     int
}

// The default rates.
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

// A limiter counts by the generic cell rate algorithm (ITU-T I.371): it stores one time per
// key, at which the key's allowance is full again. It protects one process, so it is kept in
// memory; password attempts are counted in the database.
type limiter struct {
	every, slack time.Duration
	max          int // keys

	mu     sync.Mutex
	fullAt map[string]time.Time
	swept  time.Time
}

const (
	// sweepEvery is the interval at which keys with a full allowance are deleted.
	sweepEvery = time.Minute

	// maxKeys bounds the memory to about 15 MB, because clients may use arbitrarily many
	// networks.
	maxKeys = 100_000
)

func newLimiter(r Rate) *limiter {
	every := time.Duration(float64(time.Second) / r.PerSecond)
	return &limiter{every: every, slack: every * time.Duration(r.Burst-1), max: maxKeys, fullAt: make(map[string]time.Time)}
}

// wait takes one request from key's allowance and returns 0, or returns the seconds until one
// is available.
func (l *limiter) wait(key string) int {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) >= sweepEvery {
		l.sweep(now)
	}
	fullAt, known := l.fullAt[key]
	if !known && len(l.fullAt) >= l.max {
		l.makeRoom(now)
	}
	if fullAt.Before(now) {
		fullAt = now
	}
	if ahead := fullAt.Sub(now); ahead > l.slack {
		return max(1, int(math.Ceil((ahead - l.slack).Seconds())))
	}
	l.fullAt[key] = fullAt.Add(l.every)
	return 0
}

// sweep deletes the keys whose allowance is full, because a new key starts with a full one.
func (l *limiter) sweep(now time.Time) {
	l.swept = now
	maps.DeleteFunc(l.fullAt, func(_ string, fullAt time.Time) bool { return fullAt.Before(now) })
}

// makeRoom deletes the eighth of the keys whose allowance is full soonest. A client who wants a
// key deleted must use most other keys more, so this gains nothing.
func (l *limiter) makeRoom(now time.Time) {
	l.sweep(now)
	excess := len(l.fullAt) - l.max + l.max/8 + 1
	if excess <= 0 {
		return
	}
	last := slices.SortedFunc(maps.Values(l.fullAt), time.Time.Compare)[excess-1]
	maps.DeleteFunc(l.fullAt, func(_ string, fullAt time.Time) bool { return !fullAt.After(last) })
}

// limited rejects requests above the rate of their network before the body is read and before
// anything touches the database.
func (s *Server) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if wait := s.addresses.wait(network(c.RealIP())); wait > 0 {
			return selfservice.ErrTooManyRequests.WithRetryAfter(wait)
		}
		return next(c)
	}
}

// Limited returns h behind a limit of its own by network, for what is served beside the API. A
// request above it gets 429 before its body is read.
func (s *Server) Limited(h http.Handler, r Rate) http.Handler {
	limits, address := newLimiter(r), s.clientAddress()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if wait := limits.wait(network(address(req))); wait > 0 {
			w.Header().Set(echo.HeaderRetryAfter, strconv.Itoa(wait))
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		h.ServeHTTP(w, req)
	})
}

// network returns the unit in which addresses are counted: the IPv4 address, or the /64 of an
// IPv6 address, because every IPv6 customer has one.
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
