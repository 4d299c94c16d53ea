package httpapi

import (
	"context"
	"time"
)

// What tests of whole requests may do to a server.

// RoutesOf are the routes of a server that serves nothing.
func RoutesOf(own func(*Server) []Route) []Route { return (&Server{extraRoutes: own}).routes() }

// SetTurnAway gives who is turned away a clock, and what waits for them.
func (s *Server) SetTurnAway(now func() time.Time, pause func(context.Context, time.Duration)) {
	s.turnedAway.now, s.turnedAway.pause = now, pause
}

// HoldMost has as many requests kept waiting as may, until it is stopped.
func (s *Server) HoldMost() (stop func()) {
	s.turnedAway.held = maxTurnedAway
	return func() { s.turnedAway.held = 0 }
}

// TurnedAway is how many are remembered.
func (s *Server) TurnedAway() int { return len(s.turnedAway.until) }

// TurnAway remembers one.
func (s *Server) TurnAway(token, path string, after time.Duration) {
	s.turnedAway.add(string(digestOfToken(token))+path, after)
}
