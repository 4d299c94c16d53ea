package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

const (
	// EventRestored is the event of an account that lost later events because the database
	// was restored from a backup.
	EventRestored = "restored"
	// ActionRestore is the action that FinishRestore records on ChannelOperator.
	ActionRestore = "restore"
)

// A Restoration is a database that was restored to an earlier moment.
type Restoration struct {
	Operator, Reason string
	Lost             []LostEvent // see LostEvents
	DryRun           bool        // count only
}

// A Restored is the result of FinishRestore.
type Restored struct {
	ActionID uuid.UUID
	Rows     []RowCount // ended or deleted, by table
	Unlinked int64      // links removed again
	Frozen   int64      // passwords frozen again
	Old      int64      // passwords of the time before that must be changed
	Told     int        // accounts that got EventRestored
}

// FinishRestore prepares a restored database for service, in one transaction. Whatever was
// in flight at the moment may have ended afterwards, so all of it ends: sessions, devices,
// pending links, changes, resets, transfers and codes. What was queued is not sent, because
// most of it has been. The spent values of the time since then are unknown, but their
// sessions have ended.
//
// Of the lost events that the database does not have, links that had ended are removed, frozen passwords are frozen, and
// passwords that had been replaced must be changed. The accounts get an event. Erasures are
// not repeated here, see OperatorRequest.AccountID. Calling it twice is safe and recorded twice. It must
// not run beside a server.
func (db Operations) FinishRestore(ctx context.Context, r Restoration) (Restored, error) {
	var done Restored
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		done = Restored{ActionID: uuid.New()}
		if err := db.endEverything(ctx, tx, &done, now); err != nil {
			return err
		}
		lost, err := db.notFound(ctx, tx, r.Lost)
		if err != nil {
			return err
		}
		if err := db.repeatLost(ctx, tx, lost, &done, now); err != nil {
			return err
		}
		if r.DryRun {
			return errDryRun
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO operator_actions (center_id, action_id, at, operator, action, channel, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			db.center, done.ActionID, now, r.Operator, ActionRestore, ChannelOperator, r.Reason)
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return done, err
}

// endings close what is in flight and what was queued, and deletions remove it. The order is
// that of other transactions.
var (
	endings = []struct{ table, statement string }{
		{"link_proofs", `UPDATE link_proofs SET state = 'replaced', closed_at = $2 WHERE center_id = $1 AND state = 'started'`},
		{"link_transfers", `UPDATE link_transfers SET state = 'cancelled', closed_at = $2 WHERE center_id = $1 AND state = 'waiting'`},
		{"resets", `UPDATE resets SET state = 'expired', closed_at = $2 WHERE center_id = $1 AND state IN ('started', 'passed')`},
		{"reset_codes", `UPDATE reset_codes SET closed_at = $2 WHERE center_id = $1 AND closed_at IS NULL`},
		{"changes", `UPDATE changes SET state = 'expired', closed_at = $2 WHERE center_id = $1 AND state = 'open'`},
		{"devices", `UPDATE devices SET ended_at = $2 WHERE center_id = $1 AND ended_at IS NULL`},
		{"sms_codes", `UPDATE sms_codes SET closed_at = $2 WHERE center_id = $1 AND closed_at IS NULL`},
		{"outbox", `UPDATE outbox SET failed_at = $2 WHERE center_id = $1 AND done_at IS NULL AND failed_at IS NULL`},
	}
	deletions = []struct{ table, statement string }{
		{"sessions", `DELETE FROM sessions WHERE center_id = $1`},
		{"password_tickets", `DELETE FROM password_tickets WHERE center_id = $1`},
		{"idempotency_records", `DELETE FROM idempotency_records WHERE center_id = $1 AND status IS NULL`},
	}
)

// endEverything runs endings and deletions and counts their rows.
func (db Operations) endEverything(ctx context.Context, tx *sqlx.Tx, done *Restored, now time.Time) error {
	for _, e := range endings {
		n, err := db.affect(ctx, tx, e.statement, now)
		if err != nil {
			return err
		}
		done.Rows = append(done.Rows, RowCount{e.table, n})
	}
	for _, d := range deletions {
		n, err := db.affect(ctx, tx, d.statement)
		if err != nil {
			return err
		}
		done.Rows = append(done.Rows, RowCount{d.table, n})
	}
	return nil
}

// affect runs a statement and returns the number of its rows.
func (db Operations) affect(ctx context.Context, tx *sqlx.Tx, statement string, args ...any) (int64, error) {
	res, err := tx.ExecContext(ctx, statement, append([]any{db.center}, args...)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// repeatLost applies the lost events to the accounts that still exist.
func (db Operations) repeatLost(ctx context.Context, tx *sqlx.Tx, lost []LostEvent, done *Restored, now time.Time) (err error) {
	if done.Unlinked, err = db.affect(ctx, tx, `
		DELETE FROM links WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`, accountsIn(lost, endsLink)); err != nil {
		return err
	}
	if done.Frozen, err = db.affect(ctx, tx, `
		UPDATE password_credentials SET state = 'frozen'
		WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) AND kind = 'password' AND state <> 'frozen'`, accountsIn(lost, freezes)); err != nil {
		return err
	}
	if done.Old, err = db.affect(ctx, tx, `
		UPDATE password_credentials SET state = 'must_change'
		WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) AND kind = 'password' AND state = 'set'`, accountsIn(lost, replacesPassword)); err != nil {
		return err
	}
	var told []uuid.UUID
	if err := tx.SelectContext(ctx, &told, `
		SELECT account_id FROM accounts WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY account_id`,
		db.center, accountsIn(lost, func(string) bool { return true })); err != nil {
		return err
	}
	for _, account := range told {
		if err := db.insertEvent(ctx, tx, account, newEvent(EventRestored, ChannelOperator, now)); err != nil {
			return err
		}
	}
	done.Told = len(told)
	return nil
}

// A LostEvent is an event after the moment to which a database is restored. It identifies
// the account by its id, a keyed digest.
type LostEvent struct {
	AccountID uuid.UUID `db:"account_id" json:"account_id"`
	Kind      string    `db:"kind" json:"kind"` // of an event, or ActionErase, ActionEraseWithAccount
	At        time.Time `db:"at" json:"at"`     // the latest
	Operator  string    `db:"operator" json:"operator,omitempty"`
	Reason    string    `db:"reason" json:"reason,omitempty"`
}

// lostOverlap is more than the time between the reading of an event's time and its commit,
// which a restoration compares with the moment.
const lostOverlap = 2 * time.Minute

// LostEvents returns what a restoration of this database to a moment may lose, once for an
// account and kind: erasures first, then the events of link and password that FinishRestore
// repeats or tells the citizen about. It includes events shortly before the moment, because
// some of them are lost; FinishRestore leaves out those that it finds.
func (db Operations) LostEvents(ctx context.Context, since time.Time) ([]LostEvent, error) {
	var all []LostEvent
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT account_id, kind, max(at) AS at, operator, reason FROM (
				SELECT account_id, action AS kind, at, operator, reason, 0 AS place FROM operator_actions
				WHERE center_id = $1 AND at > $2 AND action IN ($3, $4)
				UNION ALL SELECT account_id, kind, at, '', '', 1 FROM events
				WHERE center_id = $1 AND at > $2 AND kind = ANY ($5)) lost
			GROUP BY place, kind, account_id, operator, reason
			ORDER BY place, kind, account_id, operator, reason`,
			db.center, since.Add(-lostOverlap), ActionErase, ActionEraseWithAccount, pq.Array(lostKinds))
	})
	return all, err
}

// notFound returns the lost events that the restored database does not have.
func (db Operations) notFound(ctx context.Context, tx *sqlx.Tx, lost []LostEvent) (rest []LostEvent, err error) {
	if len(lost) == 0 {
		return nil, nil
	}
	first := slices.MinFunc(lost, func(a, b LostEvent) int { return a.At.Compare(b.At) }).At
	var found []LostEvent
	if err := tx.SelectContext(ctx, &found, `
		SELECT account_id, kind, max(at) AS at FROM events
		WHERE center_id = $1 AND at >= $2 AND account_id = ANY ($3::uuid[]) GROUP BY account_id, kind`,
		db.center, first, accountsIn(lost, func(string) bool { return true })); err != nil {
		return nil, err
	}
	latest := map[LostEvent]time.Time{} // by account and kind
	for _, f := range found {
		latest[LostEvent{AccountID: f.AccountID, Kind: f.Kind}] = f.At
	}
	for _, l := range lost {
		if latest[LostEvent{AccountID: l.AccountID, Kind: l.Kind}].Before(l.At) {
			rest = append(rest, l)
		}
	}
	return rest, nil
}

// lostKinds are the events that matter after a restoration. What the roster caused, such as
// EventLinkEnded, is not among them: the next import causes it again, unless that import was
// the accident.
var lostKinds = []string{
	EventLinked, EventUnlinked, EventLinkTransferred, EventAccountChosen, EventAuthorisationWithdrawn,
	EventPasswordChanged, EventPasswordReset, EventPasswordFrozen, EventDeviceEnded, EventTransferRejected, EventMessagesDeclined,
}

// endsLink reports whether an event ended a link or moved it. Its owner links again.
func endsLink(kind string) bool {
	switch kind {
	case EventUnlinked, EventLinkTransferred, EventAccountChosen, EventAuthorisationWithdrawn:
		return true
	}
	return false
}

func freezes(kind string) bool { return kind == EventPasswordFrozen }

func replacesPassword(kind string) bool {
	return kind == EventPasswordChanged || kind == EventPasswordReset
}

// IsErasure reports whether the event is the erasure of a person.
func (e LostEvent) IsErasure() bool {
	return e.Kind == ActionErase || e.Kind == ActionEraseWithAccount
}

// accountsIn returns the accounts of the events whose kind matches, as a parameter.
func accountsIn(lost []LostEvent, matches func(kind string) bool) any {
	var ids []uuid.UUID
	for _, e := range lost {
		if matches(e.Kind) {
			ids = append(ids, e.AccountID)
		}
	}
	return uuids(ids)
}
