package selfservice

import (
	"context"
	"slices"
	"time"

	"fundpass/store"
)

// The states of a channel.
const (
	ChannelOpen        = "open"
	ChannelByHours     = "hours"     // on, outside its service hours
	ChannelByFailures  = "automatic" // switched off by its rate of failures
	ChannelByOperators = "manual"    // switched off by hand, or never switched on
)

// ChannelStates are all states, for metrics.
var ChannelStates = []string{ChannelOpen, ChannelByHours, ChannelByFailures, ChannelByOperators}

// StateOf returns the state of a channel.
func StateOf(e store.ChannelEntry, now time.Time) string {
	switch {
	case !e.Switched(now) && e.OffKind == store.OffAutomatic:
		return ChannelByFailures
	case !e.Switched(now):
		return ChannelByOperators
	case !HoursOf(e).Include(now):
		return ChannelByHours
	}
	return ChannelOpen
}

// HoursOf returns the service hours of a channel.
func HoursOf(e store.ChannelEntry) Hours { return Hours{e.Opens, e.Closes} }

// A ClosedChannel says why a channel is closed, until when, and which others are open.
type ClosedChannel struct {
	Why     string // a state other than ChannelOpen
	Name    string // in Chinese
	Hours   Hours
	OpensAt *time.Time // nil: not known
	Open    []ChannelName
}

// ProtectsOwner reports whether owners can still protect their account on the closed channel:
// sign in, freeze the password, reject a transfer. Whoever finds another at the account does not
// wait for the service hours or for the end of a failure. Operators who switch a channel off may
// not trust it any more, so then nothing passes.
func (c ClosedChannel) ProtectsOwner() bool { return c.Why != ChannelByOperators }

// A ChannelName is a channel and its name for citizens, in Chinese.
type ChannelName struct {
	ID   Channel
	Name string
}

// CheckChannel returns nil if the channel is open, and counts the request. Every channel's edge
// calls it once for each request, before the request costs anything. It returns ErrChannelClosed
// with a ClosedChannel, ErrTooManyRequests if the channel's requests of the minute are used up,
// or ErrBusy if the registry was never read.
func (s *Service) CheckChannel(ctx context.Context, channel Channel) error {
	all, err := s.registry.entries(ctx)
	if err != nil {
		return err
	}
	now := s.db.Now()
	e := entryOf(all, channel)
	if StateOf(e, now) != ChannelOpen {
		return ErrChannelClosed.withClosed(closedChannel(all, e, now), now)
	}
	if wait := s.registry.admit(e, now); wait > 0 {
		return ErrTooManyRequests.WithRetryAfter(wait)
	}
	return nil
}

// CountFailure counts a request that failed by no fault of the citizen, such as a provider that
// is unavailable. The channel's edge calls it for requests that CheckChannel has counted.
func (s *Service) CountFailure(channel Channel) { s.registry.countFailure(channel, s.db.Now()) }

// ChannelState returns the present state of a channel, or "" if the registry cannot be read.
func (s *Service) ChannelState(ctx context.Context, channel Channel) string {
	all, err := s.registry.entries(ctx)
	if err != nil {
		return ""
	}
	return StateOf(entryOf(all, channel), s.db.Now())
}

// entryOf returns the entry of a channel. A channel that the registry does not know is off.
func entryOf(all []store.ChannelEntry, channel Channel) store.ChannelEntry {
	i := slices.IndexFunc(all, func(e store.ChannelEntry) bool { return e.Channel == string(channel) })
	if i < 0 {
		return store.ChannelEntry{Channel: string(channel)}
	}
	return all[i]
}

func closedChannel(all []store.ChannelEntry, e store.ChannelEntry, now time.Time) ClosedChannel {
	c := ClosedChannel{Why: StateOf(e, now), Name: e.Title, Hours: HoursOf(e)}
	switch {
	case c.Why == ChannelByHours:
		c.OpensAt = new(c.Hours.Next(now))
	case c.Why == ChannelByFailures && e.ResumesAt != nil:
		c.OpensAt = new(c.Hours.Next(*e.ResumesAt))
	}
	for _, other := range all {
		if other.Channel != e.Channel && StateOf(other, now) == ChannelOpen {
			c.Open = append(c.Open, ChannelName{Channel(other.Channel), other.Title})
		}
	}
	return c
}

// withClosed returns a copy of e with why the channel is closed and the seconds until it opens.
func (e *Error) withClosed(closed ClosedChannel, now time.Time) *Error {
	c := *e
	c.Closed = &closed
	if closed.OpensAt != nil {
		c.RetryAfter = int(closed.OpensAt.Sub(now)/time.Second) + 1
	}
	return &c
}
