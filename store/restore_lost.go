package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

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
func (db *DB) LostEvents(ctx context.Context, since time.Time) ([]LostEvent, error) {
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
func (db *DB) notFound(ctx context.Context, tx *sqlx.Tx, lost []LostEvent) (rest []LostEvent, err error) {
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
