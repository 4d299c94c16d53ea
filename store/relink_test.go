package store_test

import (
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// What FinishRelink refuses is decided by its statements, whatever a caller has looked at
// before.
func TestFinishRelinkGuards(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dsn, box := storetest.Shared(t), storetest.NewBox(t)
	db := storetest.Open(t, dsn, storetest.WithBox(box), storetest.WithNow(func() time.Time { return now }))
	for n, tt := range []struct {
		name string
		wait time.Duration
		do   func(*contest)
		want error
	}{
		{"a moment early", time.Hour - time.Microsecond, nil, store.ErrGone},
		{"due", time.Hour, nil, nil},
		{"at the last moment", time.Hour + store.RelinkLife - time.Microsecond, nil, nil},
		{"late", time.Hour + store.RelinkLife, nil, store.ErrGone},
		{"frozen by the centre", time.Hour, func(c *contest) {
			c.exec(`UPDATE password_credentials SET state = 'frozen' WHERE account_id = $1`, c.account.ID)
		}, store.ErrGone},
		{"another password", time.Hour, func(c *contest) {
			c.exec(`UPDATE password_credentials SET version = version + 1 WHERE account_id = $1`, c.account.ID)
		}, store.ErrGone},
		{"the holder is gone", time.Hour, func(c *contest) { noError(t, db.RemoveLink(t.Context(), c.holder)) }, store.ErrGone},
		{"somebody else asks", time.Hour, func(c *contest) { c.asker = c.visit(db, "somebody else") }, store.ErrGone},
		{"its session has ended", time.Hour, func(c *contest) { noError(t, db.EndSession(t.Context(), c.asker.TokenDigest)) }, store.ErrGone},
	} {
		c := newContest(t, db, db, n)
		_, err := db.CancelRelink(t.Context(), c.asker, c.wish.ID)
		noError(t, err)
		c.wish, err = db.AskRelink(t.Context(), c.asker, store.RelinkOrder{Account: c.account, Proof: "certdoc", Window: time.Hour, Limit: 9})
		noError(t, err)
		told(t, db, &c.wish)
		if tt.do != nil {
			tt.do(c)
		}
		now = now.Add(tt.wait)
		if err := db.FinishRelink(t.Context(), c.asker, c.wish.ID); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err := db.FinishRelink(t.Context(), c.asker, c.wish.ID); !errors.Is(err, store.ErrGone) {
			t.Errorf("%s, again: %v", tt.name, err)
		}
	}
}

func (c *contest) exec(query string, args ...any) {
	c.t.Helper()
	_, err := storetest.ProbeOf(c.one).Exec(query, args...)
	noError(c.t, err)
}

// Only who holds the link now objects, not who held it when their request began.
func TestObjectIsTheHolders(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	c := newContest(t, db, db, 1)
	noError(t, db.RemoveLink(t.Context(), c.holder))
	linkedSession(t, db, "the next holder", c.account)
	wish, err := db.AskRelink(t.Context(), c.asker, store.RelinkOrder{Account: c.account, Proof: "certdoc", Window: time.Hour, Limit: 9})
	noError(t, err)
	if _, err := db.ObjectRelink(t.Context(), c.holder, wish.ID); !errors.Is(err, store.ErrGone) {
		t.Errorf("a former holder objected: %v", err)
	}
}
