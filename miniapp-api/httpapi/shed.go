package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

const (
	// longestHeld is how long a request that comes before its time is kept waiting: with
	// what it takes then, less than a page waits for an answer.
	longestHeld = 4 * time.Second

	// mostTurnedAway bounds who is remembered, and how many requests are kept waiting.
	mostTurnedAway = 2048
)

// turnedAway remembers who was told to come back later. Whoever comes before is kept
// waiting, at the cost of a timer: a flood of repeats would otherwise take the cores that
// have to hash. It is decided before anything is read, by the caller's own token and the
// route alone.
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

// note remembers one more, unless there are too many.
func (a *turnedAway) note(key string, after time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if len(a.until) >= mostTurnedAway {
		maps.DeleteFunc(a.until, func(_ string, until time.Time) bool { return !until.After(now) })
	}
	if _, known := a.until[key]; known || len(a.until) < mostTurnedAway {
		a.until[key] = now.Add(after)
	}
}

// hold is how long a caller is before its time, and whether to keep it waiting. Whoever
// does calls release.
func (a *turnedAway) hold(key string) (early time.Duration, wait bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	early = a.until[key].Sub(a.now())
	if early <= 0 {
		delete(a.until, key)
		return 0, false
	}
	if wait = a.held < mostTurnedAway; wait {
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

// callerKey is who asks for what; "" without a token.
func callerKey(c echo.Context) string {
	if digest, ok := tokenDigest(c); ok && c.Request().Method == http.MethodPost {
		return string(digest) + c.Path()
	}
	return ""
}

// inTime keeps callers waiting who come before they were told to. One who would have to
// wait too long for a request is told again.
func (s *Server) inTime(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		key := callerKey(c)
		if key == "" {
			return next(c)
		}
		early, wait := s.turnedAway.hold(key)
		if wait {
			s.turnedAway.pause(c.Request().Context(), min(early, longestHeld))
			s.turnedAway.release(key)
			early -= longestHeld
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

// turnAway answers whoever finds too many passwords being hashed, without a line in the
// log. Chance spreads those who are told the same.
func (s *Server) turnAway(c echo.Context, busy *passwd.BusyError) error {
	s.metrics.shed.Inc()
	wait := int(math.Ceil(busy.After.Seconds())) + rand.N(2)
	if key := callerKey(c); key != "" {
		s.turnedAway.note(key, busy.After)
	}
	return blob(c, presentations[selfservice.ErrBusy.Code].Status, busyBody(wait, requestID(c)), wait)
}

// busyStart is what every BUSY begins with; its last two members follow.
var busyStart = func() []byte {
	body, err := json.Marshal(problemOf(selfservice.ErrBusy, ""))
	if err != nil {
		panic("httpapi: reply: " + err.Error())
	}
	start, _, _ := bytes.Cut(body, []byte(`"retry_after":`))
	return start
}()

func busyBody(retryAfter int, id string) []byte {
	body := make([]byte, 0, len(busyStart)+64)
	body = append(append(body, busyStart...), `"retry_after":`...)
	body = strconv.AppendInt(body, int64(retryAfter), 10)
	return append(append(append(body, `,"request_id":"`...), id...), `"}`...)
}

// shed is the reason of an answer, where that is the queue of the hash pool.
func shed(err error) *passwd.BusyError {
	var busy *passwd.BusyError
	errors.As(err, &busy)
	return busy
}
