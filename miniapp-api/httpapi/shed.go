package httpapi

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

const (
	// maxHold is how long an early request is delayed. Together with its processing it must
	// stay below the timeout of a page.
	maxHold = 4 * time.Second

	// maxTurnedAway bounds both the remembered callers and the delayed requests.
	maxTurnedAway = 2048
)

// turnedAway remembers callers who were told to retry later. It delays those who return early,
// which costs a timer only, because a flood of retries would take the CPU from hashing. It
// decides before the body is read, by the bearer token and the route.
type turnedAway struct {
	now   func() time.Time
	pause func(context.Context, time.Duration)

	mu    sync.Mutex
	until map[string]time.Time
	held  int // requests
}

func newTurnedAway() *turnedAway {
	return &turnedAway{now: time.Now, pause: pause, until: make(map[string]time.Time)}
}

// add remembers a caller, unless the limit is reached. A caller who is not remembered is not
// delayed, which costs time but is no error.
func (a *turnedAway) add(key string, after time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if len(a.until) >= maxTurnedAway {
		maps.DeleteFunc(a.until, func(_ string, until time.Time) bool { return !until.After(now) })
	}
	if _, known := a.until[key]; known || len(a.until) < maxTurnedAway {
		a.until[key] = now.Add(after)
	}
}

// hold returns how early the caller is, and whether to delay the request. After the delay the
// caller of hold must call release.
func (a *turnedAway) hold(key string) (early time.Duration, wait bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	early = a.until[key].Sub(a.now())
	if early <= 0 {
		delete(a.until, key)
		return 0, false
	}
	if wait = a.held < maxTurnedAway; wait {
		a.held++
	}
	return early, wait
}

func (a *turnedAway) release(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held--
	if !a.until[key].After(a.now()) {
		delete(a.until, key)
	}
}

// callerKey returns the token digest and route of a POST request, or "" without a token. The
// route is part of it, so that a citizen who waits to change the password can still freeze it.
func (s *Server) callerKey(c echo.Context) string {
	if digest, ok := s.tokenDigest(c); ok && c.Request().Method == http.MethodPost {
		return string(digest) + c.Path()
	}
	return ""
}

// delayEarly delays callers who return before the time they were given. It refuses those who would
// have to wait longer than maxHold.
func (s *Server) delayEarly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		key := s.callerKey(c)
		if key == "" {
			return next(c)
		}
		early, wait := s.turnedAway.hold(key)
		if wait {
			s.turnedAway.pause(c.Request().Context(), min(early, maxHold))
			s.turnedAway.release(key)
			early -= maxHold
		}
		if early > 0 {
			return &passwd.BusyError{After: early}
		}
		return next(c)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// replyBusy answers BUSY when too many passwords are being hashed. It logs nothing. A random
// second spreads the retries.
func (s *Server) replyBusy(c echo.Context, busy *passwd.BusyError) error {
	s.metrics.shed.Inc()
	wait := int(math.Ceil(busy.After.Seconds())) + rand.N(2)
	if key := s.callerKey(c); key != "" {
		s.turnedAway.add(key, busy.After)
	}
	return send(c, s.answerOf(c, nil, selfservice.ErrBusy.WithRetryAfter(wait)))
}

// shedError returns the error of the hashing queue in err, or nil.
func shedError(err error) *passwd.BusyError {
	var busy *passwd.BusyError
	errors.As(err, &busy)
	return busy
}
