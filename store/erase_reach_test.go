package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A user who was linked to one person and is linked to another now belongs to the latter:
// Export and Erase of the former do not reach the user's rows.
func TestEraseExcludesUsersOfOthers(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	ctx := t.Context()
	former, next := createPersonRows(t, db, 1), depositor(2, hashed)
	importAll(t, db, next)
	s, err := db.Session(ctx, []byte("d1"))
	noError(t, err)
	noError(t, db.RemoveLink(ctx, s))
	noError(t, db.AddLink(ctx, s, importedAccount(t, db, next), nil))
	before, err := db.Operations().Export(ctx, operatorRequest(next))
	noError(t, err)
	if len(before.Sessions) == 0 || len(before.Consents) != 1 || len(before.PhoneProofs) != 1 || len(before.Notifications) != 1 {
		t.Fatalf("no rows of the user: %+v", before)
	}

	data, err := db.Operations().Export(ctx, operatorRequest(former))
	noError(t, err)
	if len(data.Sessions) != 1 || // the person's own, at the centre
		len(data.Consents) != 0 || len(data.PhoneProofs) != 0 || len(data.Notifications) != 0 {
		t.Errorf("exported of another person: sessions %+v, consents %+v, phones %v, notifications %v", data.Sessions, data.Consents, data.PhoneProofs, data.Notifications)
	}
	_, err = db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(former), Accounts: true})
	noError(t, err)
	after, err := db.Operations().Export(ctx, operatorRequest(next))
	noError(t, err)
	after.At, after.Operators = before.At, before.Operators
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("rows of another person changed:\n%s", diff)
	}
	if s, err = db.Session(ctx, s.TokenDigest); err != nil || s.Link == nil {
		t.Errorf("session of another person: %v", err)
	}
}

// Erase does not hold rows that come later in the order of locks while it waits for an
// earlier one, so it cannot deadlock.
func TestEraseLocksInOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, first, then string }{
		{"a face is confirmed", `UPDATE link_proofs SET state = state`,
			`SELECT 1 FROM link_transfers WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM accounts WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM links WHERE center_id = 'test' FOR UPDATE NOWAIT`},
		{"a freeze", `UPDATE link_transfers SET state = state`,
			`SELECT 1 FROM accounts WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM links WHERE center_id = 'test' FOR UPDATE NOWAIT`},
		{"an import", `SELECT 1 FROM accounts WHERE center_id = 'test' FOR UPDATE`,
			`SELECT 1 FROM links WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM sessions WHERE center_id = 'test' FOR UPDATE NOWAIT`},
		{"a change", `SELECT 1 FROM links WHERE center_id = 'test' FOR UPDATE`,
			`SELECT 1 FROM resets WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM changes WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM sessions WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM spraying WHERE center_id = 'test' FOR UPDATE NOWAIT`},
		{"a link of the user to another person", `SELECT 1 FROM sessions WHERE center_id = 'test' FOR UPDATE`,
			`SELECT 1 FROM spraying WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM lockouts WHERE center_id = 'test' FOR UPDATE NOWAIT; SELECT 1 FROM outbox WHERE center_id = 'test' FOR UPDATE NOWAIT`},
		{"an attempt", `SELECT 1 FROM spraying WHERE center_id = 'test' AND kind = 'user' FOR UPDATE`,
			`SELECT 1 FROM spraying WHERE center_id = 'test' AND kind = 'address' FOR UPDATE NOWAIT; SELECT 1 FROM lockouts WHERE center_id = 'test' FOR UPDATE NOWAIT`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.Open(t, storetest.DSN(t)) // its centre is called test
			d := createPersonRows(t, db, 1)
			hold, err := storetest.ProbeOf(db).Beginx()
			noError(t, err)
			defer hold.Rollback()
			_, err = hold.Exec(tt.first)
			noError(t, err)
			var all sync.WaitGroup
			all.Go(func() {
				if _, err := db.Operations().Erase(context.Background(), store.Erasure{OperatorRequest: operatorRequest(d), Accounts: true}); err != nil {
					t.Error(err)
				}
			})
			awaitWaiting(t, db, 1, hold)
			if _, err := hold.Exec(tt.then); err != nil {
				t.Errorf("a later row is locked: %v", err)
			}
			noError(t, hold.Rollback())
			all.Wait()
		})
	}
}

// Rows that the person's user writes while Erase waits for its locks are erased.
func TestEraseSeesConcurrentRows(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	ctx := t.Context()
	d := depositor(1, hashed)
	importAll(t, db, d)
	account := importedAccount(t, db, d)
	hold, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer hold.Rollback()
	_, err = hold.Exec(`SELECT 1 FROM accounts WHERE center_id = 'test' FOR UPDATE`)
	noError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := db.Operations().Erase(context.Background(), store.Erasure{OperatorRequest: operatorRequest(d)}); err != nil {
			t.Error(err)
		}
	})
	awaitWaiting(t, db, 1, hold)
	s, err := db.OpenSession(ctx, store.ChannelAlipay, []byte("token"), store.Visitor{Identity: both(1)})
	noError(t, err)
	_, err = hold.Exec(`INSERT INTO links (center_id, provider, channel, identity_digest, person_digest, account_id, sealed_identity, linked_at, authorised_at)
		SELECT center_id, 'alipay', 'alipay', $1, person_digest, account_id, $2, updated_at, updated_at FROM accounts`, s.IdentityDigest, sealedLink(t, db, s))
	noError(t, err)
	noError(t, hold.Commit())
	all.Wait()
	if s, err := db.Session(ctx, s.TokenDigest); err == nil {
		t.Errorf("session not erased, linked: %v", s.Link != nil)
	}
	if n := list(t, storetest.ProbeOf(db), `SELECT count(*)::text FROM links WHERE account_id = $1`, account.ID)[0]; n != "0" {
		t.Errorf("%s links not erased", n)
	}
}

// sealedLink returns the sealed identifier for a link of the session.
func sealedLink(t *testing.T, db *store.DB, s store.Session) []byte {
	t.Helper()
	sealed, err := db.SealLink(s.Visitor.Identity)
	noError(t, err)
	return sealed
}

// Notifications are found by the users they name, at any depth, without unsealing.
func TestNotificationsAreFoundByDigest(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t)) // the test updates whole tables
	ctx := t.Context()
	d := depositor(1, hashed)
	importAll(t, db, d)
	linkedAs(t, db, both(1), importedAccount(t, db, d))
	id := both(1)
	about := map[string]string{
		"open_id":  fmt.Sprintf(`{"open_id":%q}`, id.Value),
		"user_id":  fmt.Sprintf(`{"user_id":%q,"n":1}`, id.UserID),
		"a number": fmt.Sprintf(`{"auth_user_id":%s}`, id.UserID),
		"deep":     fmt.Sprintf(`{"a":[{"b":{"alipay_open_id":%q}}]}`, id.Value),
		"a string": fmt.Sprintf(`{"biz":%q}`, fmt.Sprintf(`{"open_id":%q}`, id.Value)),
	}
	others := map[string]string{"other": `{"open_id":"somebody-else"}`, "none": `{}`, "no JSON": `open_id=` + id.Value,
		"other kind": fmt.Sprintf(`{"user_id":%q}`, id.Value)}
	for _, notifications := range []map[string]string{about, others} {
		for name, content := range notifications {
			_, err := db.Inbox().RecordNotification(ctx, store.Notification{NotifyID: name, Family: "f", Method: "m", Content: []byte(content)})
			noError(t, err)
		}
	}
	found := func() (ids []string) {
		data, err := db.Operations().Export(ctx, operatorRequest(d))
		noError(t, err)
		for _, n := range data.Notifications {
			ids = append(ids, n.ID)
		}
		slices.Sort(ids)
		return ids
	}
	want := []string{"a number", "a string", "deep", "open_id", "user_id"}
	if diff := cmp.Diff(want, found()); diff != "" {
		t.Error(diff)
	}
	execAll(t, db, `UPDATE notifications SET sealed = '\x00'`) // fails to unseal
	if diff := cmp.Diff(want, found()); diff != "" {
		t.Errorf("without contents:\n%s", diff)
	}
	done, err := db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(d)})
	noError(t, err)
	if i := slices.IndexFunc(done.Gone, func(r store.RowCount) bool { return r.Table == "notifications (content)" }); i < 0 || done.Gone[i].Rows != 5 {
		t.Errorf("erased %+v", done.Gone)
	}
	if ids := found(); len(ids) != 0 {
		t.Errorf("after the erasure: %v", ids)
	}
}

func execAll(t *testing.T, db *store.DB, statement string) {
	t.Helper()
	_, err := storetest.ProbeOf(db).Exec(statement)
	noError(t, err)
}
