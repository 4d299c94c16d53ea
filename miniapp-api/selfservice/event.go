package selfservice

import (
	"context"
	"slices"

	"fundpass/store"
)

// eventCount is how many events a page shows.
const eventCount = 50

// Events returns the citizen's own record of what happened to link and password.
func (s *Service) Events(ctx context.Context, c Caller) ([]store.Event, error) {
	return s.db.Events(ctx, c.Link.AccountID, eventCount)
}

// ownEvents is how many events a copy of one's data shows. More than a citizen of
// three years makes; the counter has the rest.
const ownEvents = 500

// OwnData returns what is kept about a citizen, who is linked to one account, events
// newest first. What has run out of time is shown as that.
func (s *Service) OwnData(ctx context.Context, c Caller) (store.PersonData, error) {
	d, err := s.db.OwnData(ctx, c.Session)
	if err != nil {
		return d, err
	}
	if len(d.Accounts) == 0 || len(d.Links) == 0 || len(d.Passwords) == 0 { // unlinked meanwhile
		return d, ErrNotLinked
	}
	slices.Reverse(d.Events)
	d.Events = d.Events[:min(len(d.Events), ownEvents)]
	s.markExpired(d.Changes)
	s.markExpired(d.Resets)
	return d, nil
}

func (s *Service) markExpired(all []store.ChangeData) {
	for i, x := range all {
		if x.ClosedAt == nil && !x.ExpiresAt.After(s.db.Now()) {
			all[i].State, all[i].ClosedAt = store.ChangeExpired, &all[i].ExpiresAt
		}
	}
}
