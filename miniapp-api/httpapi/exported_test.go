package httpapi

import (
	"context"
	"time"
)

// What tests of whole requests may do to a server.

// RoutesOf are the routes of a server that serves nothing.
func RoutesOf(own func(*Server) []Route) []Route { return (&Server{own: own}).routes() }

// SetTurnAway gives who is turned away a clock, and what waits for them.
func (s *Server) SetTurnAway(now func() time.Time, pause func(context.Context, time.Duration)) {
	s.turnedAway.now, s.turnedAway.pause = now, pause
}

// WhilePaused has f called at the beginning of every pause, until it is restored.
func (s *Server) WhilePaused(f func()) (restore func()) {
	pause := s.turnedAway.pause
	s.turnedAway.pause = func(ctx context.Context, d time.Duration) {
		f()
		pause(ctx, d)
	}
	return func() { s.turnedAway.pause = pause }
}

// TurnedAway is how many are remembered.
func (s *Server) TurnedAway() int { return len(s.turnedAway.until) }

// TurnAway remembers one.
func (s *Server) TurnAway(token, path string, after time.Duration) {
	s.turnedAway.note(string(digestOfToken(token))+path, after)
}
