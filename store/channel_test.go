package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// sessionOn returns a session on a channel.
func sessionOn(t *testing.T, db *store.DB, channel string, id store.Identity) store.Session {
	t.Helper()
	s, err := db.OpenSession(t.Context(), channel, []byte(uuid.NewString()), store.Visitor{Identity: id})
	noError(t, err)
	return s
}

// The rows of a request have the channel of its session, whatever the channel of the link
// or of an earlier step.
func TestRowsHaveTheSessionsChannel(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), t.Context()
	importAll(t, db, depositor(1, hashed))
	account := importedAccount(t, db, depositor(1, hashed))
	noError(t, db.AddLink(ctx, sessionOn(t, db, "of links", byOpen(1)), account, nil))
	s := sessionOn(t, db, "of attempts", byOpen(1))
	_, err := failedAttempt(ctx, db, store.AttemptRequest{PersonDigest: account.PersonDigest, Scope: s.IdentityDigest, AccountID: account.ID, Channel: s.Channel,
		Policy: store.LockoutPolicy{Attempts: []int{9}, Until: func(now time.Time) []time.Time { return []time.Time{now} }}})
	noError(t, err)
	change, err := db.OpenChange(ctx, sessionOn(t, db, "of opening", byOpen(1)), account, []byte("old"))
	noError(t, err)
	_, err = db.FinishChange(ctx, sessionOn(t, db, "of changes", byOpen(1)), change.ID, store.NewPassword{Hash: "hash", Fingerprint: []byte("new")})
	noError(t, err)
	account.Version++
	s = sessionOn(t, db, "of resets", byOpen(1))
	reset := store.Reset{ID: uuid.New(), Kind: store.ResetByFace, CertifyID: "certify"}
	reset, err = db.OpenReset(ctx, s, account, reset)
	noError(t, err)
	if _, open, err := db.OpenSteps(ctx, s); err != nil || open == nil || open.Channel != "of resets" {
		t.Errorf("open: %+v, %v", open, err)
	}
	noError(t, db.PassReset(ctx, s, reset))
	_, err = db.FinishReset(ctx, s, reset.ID, store.NewPassword{Hash: "newer", Fingerprint: []byte("newer")})
	noError(t, err)
	account.Version++
	_, err = db.RequestTransfer(ctx, sessionOn(t, db, "of transfers", byOpen(2)), store.TransferOrder{Account: account, Proof: "face", Window: time.Hour, Limit: 9})
	noError(t, err)
	noError(t, db.WithdrawConsent(ctx, sessionOn(t, db, "of consents", byOpen(1)), "message", "1"))
	noError(t, db.Freeze(ctx, sessionOn(t, db, "of freezes", byOpen(1))))
	_, err = db.Inbox().WithdrawAuthorisation(ctx, store.Cancellation{Identity: byOpen(1), Channel: "of messages", At: time.Now().Add(time.Minute)})
	noError(t, err)

	got := column(t, db, `
		SELECT concat(kind, ' ', channel) FROM events WHERE account_id = $1
		UNION ALL SELECT concat('a change ', channel) FROM changes WHERE account_id = $1
		UNION ALL SELECT concat('a reset ', channel) FROM resets WHERE account_id = $1
		UNION ALL SELECT concat('a transfer ', channel) FROM link_transfers WHERE account_id = $1 ORDER BY 1`, account.ID)
	if d := cmp.Diff([]string{
		"a change of opening", "a reset of resets", "a transfer of transfers",
		"authorisation_withdrawn of messages", "change_opened of opening", "linked of links", "messages_declined of consents",
		"password_changed of changes", "password_frozen of freezes", "password_reset of resets", "password_wrong of attempts",
		"reset_opened of resets", "transfer_rejected of freezes", "transfer_requested of transfers",
	}, got); d != "" {
		t.Error(d)
	}
}
