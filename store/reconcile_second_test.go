package store_test

import (
	"fmt"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A user who withdraws, authorises and links again within one second keeps the new link
// when Alipay's list, which has only seconds, is processed.
func TestLinkedAgainWithinTheSecond(t *testing.T) {
	t.Parallel()
	clock := time.Now().UTC().Truncate(time.Hour)
	db := storetest.Open(t, storetest.DSN(t), storetest.WithNow(func() time.Time { return clock }))
	ctx := t.Context()
	importAll(t, db, depositor(1))
	a := importedAccount(t, db, depositor(1))
	linkedAs(t, db, both(1), a)
	second := clock.Add(time.Hour)
	listed := store.Cancellation{Channel: store.ChannelAlipay, Identity: both(1), At: second.Add(time.Second - time.Microsecond)}
	heard := store.Cancellation{Channel: store.ChannelAlipay, Identity: both(1), At: second.Add(200 * time.Millisecond)}

	clock = second.Add(300 * time.Millisecond)
	_, err := db.Inbox().RecordNotification(ctx, store.Notification{NotifyID: "n", Family: "f", Method: "m",
		Content: fmt.Appendf(nil, `{"open_id":%q}`, both(1).Value), Cancelled: &heard})
	noError(t, err)
	clock = second.Add(500 * time.Millisecond)
	s := linkedAs(t, db, both(1), a)
	clock = second.Add(time.Minute)
	if repaired, err := db.Inbox().WithdrawAuthorisation(ctx, listed); err != nil || repaired {
		t.Errorf("repaired %v, %v", repaired, err)
	}
	if s = reload(t, db, s); s.Link == nil {
		t.Error("new link ended")
	}
	later := store.Cancellation{Channel: store.ChannelAlipay, Identity: both(1), At: listed.At.Add(time.Hour)} // another one, whose notification was missed
	if repaired, err := db.Inbox().WithdrawAuthorisation(ctx, later); err != nil || !repaired {
		t.Errorf("later cancellation: repaired %v, %v", repaired, err)
	}
}

// repaired reports whether something in force was ended, but not for a link that stays or
// for expired sessions.
func TestRepairedCountsWhatWasInForce(t *testing.T) {
	t.Parallel()
	clock := time.Now().UTC().Truncate(time.Hour)
	db := storetest.Open(t, storetest.DSN(t), storetest.WithNow(func() time.Time { return clock }))
	ctx := t.Context()
	importAll(t, db, depositor(1), depositor(2))
	for n, tt := range []struct {
		name string
		back bool // whether the user authorised again
		want bool
	}{{"missed", false, true}, {"authorised again", true, false}} {
		id := both(n + 1)
		linkedAs(t, db, id, importedAccount(t, db, depositor(n+1)))
		withdrawn := store.Cancellation{Channel: store.ChannelAlipay, Identity: id, At: clock.Add(time.Minute)}
		clock = clock.Add(2 * time.Minute)
		if tt.back {
			opened(t, db, id)
		}
		clock = clock.Add(24 * time.Hour)
		if repaired, err := db.Inbox().WithdrawAuthorisation(ctx, withdrawn); err != nil || repaired != tt.want {
			t.Errorf("%s: repaired %v, %v", tt.name, repaired, err)
		}
		if links := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM links WHERE identity_digest = $1`, db.IdentityDigest(id))[0]; links != map[bool]string{true: "1", false: "0"}[tt.back] {
			t.Errorf("%s: %s links", tt.name, links)
		}
	}
}
