package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// After a restoration nothing that was in flight goes on, nothing queued is sent, and it is
// recorded. A dry run counts the same and changes nothing.
func TestFinishRestore(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	probe := storetest.ProbeOf(db)
	createPersonRows(t, db, 1)
	createPersonRows(t, db, 2)
	for _, q := range []string{ // as in the middle of a request
		`UPDATE changes SET state = 'open', closed_at = NULL WHERE change_id = (SELECT change_id FROM changes LIMIT 1)`,
		`UPDATE link_proofs SET state = 'started', closed_at = NULL WHERE proof_id = (SELECT proof_id FROM link_proofs LIMIT 1)`,
		`UPDATE link_transfers SET state = 'waiting', closed_at = NULL WHERE transfer_id = (SELECT transfer_id FROM link_transfers LIMIT 1)`,
		`UPDATE idempotency_records SET status = NULL, sealed_reply = NULL WHERE key_digest = (SELECT key_digest FROM idempotency_records LIMIT 1)`,
	} {
		probe.MustExec(q)
	}
	inFlight := func() (n int) {
		noError(t, probe.Get(&n, `SELECT
			(SELECT count(*) FROM sessions) + (SELECT count(*) FROM link_proofs WHERE state = 'started') +
			(SELECT count(*) FROM link_transfers WHERE state = 'waiting') + (SELECT count(*) FROM resets WHERE state IN ('started', 'passed')) +
			(SELECT count(*) FROM reset_codes WHERE closed_at IS NULL) + (SELECT count(*) FROM changes WHERE state = 'open') +
			(SELECT count(*) FROM devices WHERE ended_at IS NULL) + (SELECT count(*) FROM sms_codes WHERE closed_at IS NULL) +
			(SELECT count(*) FROM outbox WHERE done_at IS NULL AND failed_at IS NULL) + (SELECT count(*) FROM password_tickets) +
			(SELECT count(*) FROM idempotency_records WHERE status IS NULL)`))
		return n
	}
	before := inFlight()
	r := store.Restoration{Operator: "li", Reason: "disk failure", DryRun: true}
	dry, err := db.Operations().FinishRestore(t.Context(), r)
	noError(t, err)
	if inFlight() != before || before == 0 {
		t.Errorf("dry run: %d in flight, then %d", before, inFlight())
	}
	r.DryRun = false
	done, err := db.Operations().FinishRestore(t.Context(), r)
	noError(t, err)
	total := int64(0)
	for _, row := range done.Rows {
		total += row.Rows
		if row.Rows == 0 {
			t.Errorf("%s: nothing was in flight to test with", row.Table)
		}
	}
	if n := inFlight(); n != 0 || total != int64(before) || !slices.Equal(dry.Rows, done.Rows) {
		t.Errorf("%d were in flight, %d ended, %d left; dry run %v, then %v", before, total, n, dry.Rows, done.Rows)
	}
	due, _, err := db.Outbox().Due(t.Context(), 10)
	if err != nil || len(due) != 0 {
		t.Errorf("%d notices are sent again, %v", len(due), err)
	}
	actions, err := db.Operations().OperatorActions(t.Context(), time.Now().Add(-time.Hour))
	noError(t, err)
	last := actions[len(actions)-1]
	if last.ID != done.ActionID || last.Action != store.ActionRestore || last.Operator != "li" || last.Reason != "disk failure" {
		t.Errorf("recorded %+v", last)
	}
	if links := list(t, probe, `SELECT count(*) FROM links`)[0]; links != "4" || done.Told != 0 {
		t.Errorf("%s links, %d told: nothing was lost", links, done.Told)
	}
}

// What happened after the moment is found in the former database and repeated in the
// restored one, as far as it protects the citizen.
func TestLostEvents(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	probe := storetest.ProbeOf(db)
	var accounts []store.Account
	for i := range 5 {
		accounts = append(accounts, importedAccount(t, db, createPersonRows(t, db, i+1)))
	}
	var center string
	noError(t, probe.Get(&center, `SELECT center_id FROM centers`))
	since := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	lose := func(account uuid.UUID, kind string, at time.Time) {
		probe.MustExec(`INSERT INTO events (center_id, at, event_id, account_id, kind, channel)
			VALUES ($1, $2, $3, $4, $5, 'alipay')`, center, at, uuid.New(), account, kind)
	}
	later := since.Add(time.Minute)
	lose(accounts[0].ID, store.EventPasswordChanged, later)
	lose(accounts[0].ID, store.EventPasswordChanged, later.Add(time.Second))
	lose(accounts[1].ID, store.EventAuthorisationWithdrawn, later)
	lose(accounts[2].ID, store.EventPasswordFrozen, later)
	lose(accounts[3].ID, store.EventPasswordFrozen, since.Add(-time.Second)) // kept
	lose(accounts[3].ID, store.EventPasswordChanged, since.Add(-time.Hour))
	lose(accounts[3].ID, store.EventSignedIn, later)
	lose(accounts[3].ID, store.EventLinkEnded, later)
	probe.MustExec(`INSERT INTO operator_actions (center_id, action_id, at, operator, action, account_id, reason)
		VALUES ($1, $2, $3, 'li', $4, $5, 'asked')`, center, uuid.New(), later, store.ActionErase, accounts[4].ID)
	lost, err := db.Operations().LostEvents(t.Context(), since)
	noError(t, err)
	want := []store.LostEvent{
		{AccountID: accounts[4].ID, Kind: store.ActionErase, At: later, Operator: "li", Reason: "asked"},
		{AccountID: accounts[1].ID, Kind: store.EventAuthorisationWithdrawn, At: later},
		{AccountID: accounts[0].ID, Kind: store.EventPasswordChanged, At: later.Add(time.Second)},
		{AccountID: accounts[2].ID, Kind: store.EventPasswordFrozen, At: later}, {AccountID: accounts[3].ID, Kind: store.EventPasswordFrozen, At: since.Add(-time.Second)},
	}
	slices.SortFunc(want[3:], func(a, b store.LostEvent) int { return bytes.Compare(a.AccountID[:], b.AccountID[:]) })
	for i := range lost {
		lost[i].At = lost[i].At.UTC()
	}
	if !slices.Equal(lost, want) {
		t.Fatalf("lost %v\nwant %v", lost, want)
	}
	probe.MustExec(`DELETE FROM events WHERE at > $1`, since) // the restoration

	unknown := store.LostEvent{AccountID: uuid.New(), Kind: store.EventUnlinked, At: later}
	erased, err := db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: store.OperatorRequest{AccountID: lost[0].AccountID, Operator: "li", Reason: "again"}})
	if err != nil || erased.Account.ID != accounts[4].ID {
		t.Errorf("erased %v, %v", erased.Account.ID, err)
	}
	if _, err := db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: store.OperatorRequest{AccountID: unknown.AccountID}}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown account: %v", err)
	}
	done, err := db.Operations().FinishRestore(t.Context(), store.Restoration{Operator: "li", Reason: "disk failure", Lost: append(lost, unknown)})
	noError(t, err)
	if done.Unlinked != 2 || done.Frozen != 1 || done.Old != 1 || done.Told != 4 {
		t.Errorf("%+v", done)
	}
	for i, state := range []string{"must_change", "set", "frozen", "set", "set"} {
		var is struct {
			State string
			Links int
			Told  int
		}
		noError(t, probe.Get(&is, `SELECT state, (SELECT count(*) FROM links WHERE account_id = $1) AS links,
			(SELECT count(*) FROM events WHERE account_id = $1 AND kind = 'restored') AS told
			FROM password_credentials WHERE account_id = $1 AND kind = 'password'`, accounts[i].ID))
		links := map[bool]int{true: 0, false: 2}[i == 1 || i == 4]
		told := map[bool]int{true: 0, false: 1}[i == 3]
		if fmt.Sprint(is.State, is.Links, is.Told) != fmt.Sprint(state, links, told) {
			t.Errorf("account %d: %+v, want %s, %d links, told %d times", i, is, state, links, told)
		}
	}
}
