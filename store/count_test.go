package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"fundpass/keys/calendar"
	"fundpass/store"
)

// The limit is exact for the person and for the user, and a refused start is not counted.
func TestChargeReset(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	var mu sync.Mutex
	var last store.Start
	charge := func(s store.Session) error {
		start, err := o.db.ChargeReset(ctx, s, 3)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			last = start
		}
		return err
	}
	passed := 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := charge(o.session)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				passed++
			} else if !errors.Is(err, store.ErrLimit) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if passed != 3 {
		t.Fatalf("%d starts admitted, want 3", passed)
	}
	samePerson, sameUser := o.session, o.session
	samePerson.IdentityDigest = []byte("another user")
	sameUser.Link = &store.Link{PersonDigest: []byte("another person")}
	for name, s := range map[string]store.Session{"same person": samePerson, "same user": sameUser} {
		if err := charge(s); !errors.Is(err, store.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine, fresh := last, samePerson
	fresh.Link = sameUser.Link
	for i := range 3 { // the starts refused above were not counted for the other subject
		if err := charge(fresh); err != nil {
			t.Errorf("fresh %d: %v", i, err)
		}
	}
	noError(t, o.db.ReleaseStart(ctx, mine))
	if err := charge(o.session); err != nil {
		t.Errorf("after a release: %v", err)
	}
	if err := charge(o.session); !errors.Is(err, store.ErrLimit) {
		t.Errorf("a release freed more than one start: %v", err)
	}
	now := o.now.Now()
	_, tomorrow := calendar.Day(now)
	o.now.add(tomorrow.Add(time.Second).Sub(now))
	if err := charge(o.session); err != nil {
		t.Errorf("after midnight in Beijing: %v", err)
	}
}
