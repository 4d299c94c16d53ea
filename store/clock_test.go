package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys"
	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

func TestClock(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		skew   time.Duration
		logged bool
		ready  bool
	}{
		{"same", 0, false, true},
		{"1 s", time.Second, false, true},
		{"5 s ahead", 5 * time.Second, true, true},
		{"5 s behind", -5 * time.Second, true, true},
		{"1 min ahead", time.Minute, true, false},
		{"1 day behind", -24 * time.Hour, true, false},
	}
	dsn := storetest.Shared(t)
	center, app := storetest.CenterOf(dsn)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: center, AppID: app,
				ColumnCipher: storetest.ColumnCipher(), Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.CompareClock(t.Context(), func() time.Time { return time.Now().Add(tt.skew) })
			if logged := strings.Contains(log.String(), "clock differs"); logged != tt.logged {
				t.Errorf("log: %s", log.String())
			}
			if err := db.Ping(t.Context()); (err == nil) != tt.ready || err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("ping: %v", err)
			}
			db.CompareClock(t.Context(), time.Now)
			if err := db.Ping(t.Context()); err != nil {
				t.Errorf("after the clock was corrected: %v", err)
			}
		})
	}
}

// Locks and sessions use the database's clock, whatever this machine's clock says at the
// start, and a running process does not follow a clock that jumps.
func TestClockIsTheDatabases(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	center, app := storetest.CenterOf(dsn)
	for _, off := range []time.Duration{0, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 365 * 24 * time.Hour, -365 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: center, AppID: app, ColumnCipher: storetest.ColumnCipher()})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			req := store.AttemptRequest{PersonDigest: []byte(off.String()), Scope: store.PublicScope, Policy: store.LockoutPolicy{Attempts: []int{1},
				Until: func(now time.Time) []time.Time { return []time.Time{now.Add(time.Hour)} }}}
			first, err := failedAttempt(t.Context(), db, req)
			if err != nil || !first.Admitted {
				t.Fatalf("%+v %v", first, err)
			}
			if lock := time.Until(*first.LockedUntil); lock < 59*time.Minute || lock > 61*time.Minute {
				t.Errorf("locked for %v, want an hour", lock)
			}
			token := []byte("token " + off.String())
			if _, err := db.OpenSession(t.Context(), store.ChannelAlipay, token, store.Visitor{Identity: byOpen(1)}); err != nil {
				t.Fatal(err)
			}
			db.CompareClock(t.Context(), func() time.Time { return time.Now().Add(off) })
			if _, err := db.Session(t.Context(), token); err != nil {
				t.Errorf("session after the clock moved by %v: %v", off, err)
			}
			second, err := failedAttempt(t.Context(), db, req)
			if err != nil || second.Admitted || !second.LockedUntil.Equal(*first.LockedUntil) {
				t.Errorf("after the clock moved by %v: %+v %v", off, second, err)
			}
			if d := time.Since(db.Now()).Abs(); d > time.Minute {
				t.Errorf("clock differs from the database's by %v", d)
			}
		})
	}
}

func TestOwnClockIsNotCompared(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.WithNow(func() time.Time { return time.Unix(0, 0) }))
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// Moving this machine's clock neither prolongs nor ends anything that lives for minutes.
func TestClockMovesNothing(t *testing.T) {
	t.Parallel()
	key, err := keys.NewColumnKey()
	noError(t, err)
	cipher, err := keys.ParseColumnCipher(key)
	noError(t, err)
	dsn := storetest.DSN(t)
	for i, off := range []time.Duration{0, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour, 365 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			open := func(wall func() time.Time) *store.DB {
				db, err := store.Open(t.Context(), store.Config{DSN: dsn, ConnectLimit: testenv.Patience, CallLimit: testenv.Patience, Center: fmt.Sprint("city ", i), AppID: fmt.Sprint("app ", i), ColumnCipher: cipher})
				noError(t, err)
				t.Cleanup(func() { db.Close() })
				db.CompareClock(t.Context(), wall)
				return db
			}
			db := open(time.Now)
			o := &owner{t: t, db: db, dsn: dsn}
			d := depositor(i+1, hashed)
			importAll(t, db, d)
			o.account = importedAccount(t, db, d)
			noError(t, db.AddLink(t.Context(), o.signIn("owner", "first"), o.account, nil))
			o.session = o.signIn("owner", "second")
			change, err := db.OpenChange(t.Context(), o.session, o.account, []byte("old"))
			noError(t, err)
			reset, err := o.open("certify")
			noError(t, err)
			until, err := db.Operations().IssueResetCode(t.Context(), o.account, "1234567890", "0017")
			noError(t, err)
			noError(t, db.AddTicket(t.Context(), o.session, "ticket"))

			moved := func() time.Time { return time.Now().Add(off) }
			db.CompareClock(t.Context(), moved)
			for _, db := range []*store.DB{db, open(moved)} { // a running process and a new one
				checkLives(t, db, o, change.ID, reset.ID)
			}
			for what, left := range map[string]time.Duration{
				"change": time.Until(change.ExpiresAt) - store.ChangeLife, "reset": time.Until(reset.ExpiresAt) - store.ResetLife,
				"code": time.Until(until) - store.ResetCodeLife,
			} {
				if left.Abs() > time.Minute {
					t.Errorf("%s ends %v off", what, left)
				}
			}
			if good, err := db.SpendTicket(t.Context(), o.session, "ticket", []byte("sealed"), false); err != nil || !good {
				t.Errorf("ticket: %v, %v", good, err)
			}
			noError(t, db.Freeze(t.Context(), o.session))
			events, err := db.Events(t.Context(), o.account.ID, 9)
			noError(t, err)
			if age := time.Since(events[0].At); events[0].Kind != store.EventPasswordFrozen || age.Abs() > time.Minute {
				t.Errorf("event %s is %v old", events[0].Kind, age)
			}
		})
	}
}

// checkLives checks that nothing has expired and that Retention deletes nothing.
func checkLives(t *testing.T, db *store.DB, o *owner, change, reset uuid.UUID) {
	t.Helper()
	s, err := db.Session(t.Context(), o.session.TokenDigest)
	if err != nil || s.Link == nil {
		t.Fatalf("session %+v, %v", s, err)
	}
	if c, err := db.Change(t.Context(), s, change); err != nil || c.State != store.ChangeOpen {
		t.Errorf("change %s, %v", c.State, err)
	}
	if r, err := db.Reset(t.Context(), s, reset); err != nil || r.State != store.ResetStarted {
		t.Errorf("reset %s, %v", r.State, err)
	}
	if n := retained(t, db, 1, false); len(n) != 0 {
		t.Errorf("deleted: %v", n)
	}
}
