package selfservice

import (
	"bytes"
	"context"
	"slices"
	"time"

	"fundpass/store"
)

// maxEvents is how many events Events returns.
const maxEvents = 50

// Events returns the latest events of the linked account, at most 50.
func (s *Service) Events(ctx context.Context, c Caller) ([]store.Event, error) {
	return s.db.Events(ctx, c.Link.AccountID, maxEvents)
}

// maxOwnEvents is how many events OwnData returns. Few citizens have more within the three
// years that events are kept.
const maxOwnEvents = 500

// OwnData returns the data kept about the linked citizen, for the linked account, with events
// newest first. Of the person's links, one for each provider, it returns the caller's. Changes
// and resets past their end are marked as expired. It returns ErrNotLinked if the link was
// removed meanwhile.
func (s *Service) OwnData(ctx context.Context, c Caller) (store.PersonData, error) {
	d, err := s.db.OwnData(ctx, c.Session)
	if err != nil {
		return d, err
	}
	d.Links = slices.DeleteFunc(d.Links, func(l store.LinkData) bool { return !bytes.Equal(l.Digest, c.IdentityDigest) })
	if len(d.Accounts) == 0 || len(d.Links) == 0 || len(d.Passwords) == 0 { // the link was removed meanwhile
		return d, ErrNotLinked
	}
	slices.Reverse(d.Events)
	d.Events = d.Events[:min(len(d.Events), maxOwnEvents)]
	markExpired(d.Changes, s.db.Now())
	markExpired(d.Resets, s.db.Now())
	return d, nil
}

func markExpired(all []store.ChangeData, now time.Time) {
	for i, x := range all {
		if x.ClosedAt == nil && !x.ExpiresAt.After(now) {
			all[i].State, all[i].ClosedAt = store.ChangeExpired, &all[i].ExpiresAt
		}
	}
}
