package httpapi

import (
	"context"
	"time"
)

// Functions exported to the tests of package httpapi_test.

// RoutesOf returns the routes of a server without a service.
func RoutesOf(own func(*Server) []Route) []Route { return (&Server{extraRoutes: own}).routes() }

// SetTurnAway replaces the clock and the wait of turnedAway.
func (s *Server) SetTurnAway(now func() time.Time, pause func(context.Context, time.Duration)) {
	s.turnedAway.now, s.turnedAway.pause = now, pause
}

// HoldMost occupies the maximum of delayed requests until stop is called.
func (s *Server) HoldMost() (stop func()) {
	s.turnedAway.held = maxTurnedAway
	return func() { s.turnedAway.held = 0 }
}

// TurnedAway returns the number of remembered callers.
func (s *Server) TurnedAway() int { return len(s.turnedAway.until) }

// TurnAway remembers a caller.
func (s *Server) TurnAway(token, path string, after time.Duration) {
	s.turnedAway.add(string(DigestOfToken(token))+path, after)
}
