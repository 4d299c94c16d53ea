package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store/pgconn"
)

// How long rows are kept. Retention has a parameter for the records.
const (
	// stepLife is how long a finished change or reset can be looked up. Its events stay
	// longer.
	stepLife = 90 * 24 * time.Hour

	// lockoutLife is how long an unlocked counter is kept after its last attempt. It may
	// belong to a person who does not exist, because strangers invent them.
	lockoutLife = 365 * 24 * time.Hour
)

// Bounds of one deletion. Each batch is followed by a pause as long as the batch took.
const (
	retentionBatch = 2000            // rows, or keys, of one transaction
	batchTime      = 2 * time.Second // of one transaction
	purgeTime      = time.Minute     // for each kind in Purge
	retainTime     = time.Hour       // for each kind in Retention
)

// A Retained reports what Retention deleted of one kind of rows, or would delete.
type Retained struct {
	Kind   string
	Before time.Time // older rows are deleted
	Rows   int64     // number of rows deleted
	Parts  []string  // partitions dropped, whose rows are counted in Rows
}

// A rowKind is a kind of rows that are kept for some time.
type rowKind struct {
	name, table, by, where string // by is an indexed time; in where, $1 is the centre and $2 the time
	life                   func(now time.Time) time.Time
}

// after returns a function that returns the time life before now.
func after(life time.Duration) func(time.Time) time.Time {
	return func(now time.Time) time.Time { return now.Add(-life) }
}

// retentionKinds returns the kinds that Retention deletes by an indexed time, for records
// kept since a time.
func retentionKinds(record time.Time) []rowKind {
	ofRecord := func(time.Time) time.Time { return record }
	return []rowKind{
		{"operators' actions", "operator_actions", "at", "at < $2", ofRecord},
		{"reset codes", "reset_codes", "issued_at", "issued_at < $2 AND expires_at < $2", ofRecord},
		{"changes", "changes", "opened_at", "opened_at < $2 AND (state <> 'open' OR expires_at < $2)", after(stepLife)},
		{"resets", "resets", "opened_at", "opened_at < $2 AND (state NOT IN ('started', 'passed') OR expires_at < $2)", after(stepLife)},
		{"link transfers", "link_transfers", "requested_at", "requested_at < $2 AND (state <> 'waiting' OR expires_at < $2)", after(stepLife)},
	}
}

// Retention deletes rows that are no longer needed (PIPL article 19, GB/T 35273-2020 6.1)
// and reports each kind: events and operators' actions older than years, consents as old
// that no longer decide anything, finished changes and resets, counters without recent
// attempts, and what Purge deletes. With dryRun it only counts. A lock that has not ended
// is never deleted. Events are deleted by whole months, so the oldest is up to a month
// older than years. Retention may be called repeatedly and by several processes, each of
// which reports what it deleted. An error with one kind is returned at the end and does not
// stop the others.
func (db Operations) Retention(ctx context.Context, years int, dryRun bool) ([]Retained, error) {
	if years < 1 {
		return nil, errors.New("store: events must be kept for at least 1 year")
	}
	now := db.clock()
	record := now.AddDate(-years, 0, 0)
	events, failed := db.retainEvents(ctx, months(record, 1)[0], dryRun)
	all := []Retained{events}
	add := func(done []Retained, err error) {
		all, failed = append(all, done...), errors.Join(failed, err)
	}
	add(db.retainKinds(ctx, retentionKinds(record), retainTime, dryRun))
	for _, k := range keyedKinds(now, record) {
		done, err := db.retainKeyed(ctx, k, dryRun)
		add([]Retained{done}, err)
	}
	add(db.retainKinds(ctx, purgeKinds, retainTime, dryRun))
	return all, failed
}

// retainKinds deletes each kind for at most limit.
func (db Operations) retainKinds(ctx context.Context, kinds []rowKind, limit time.Duration, dryRun bool) (all []Retained, failed error) {
	now := db.clock()
	for _, k := range kinds {
		done, err := Retained{Kind: k.name, Before: k.life(now)}, error(nil)
		if dryRun {
			done.Rows, err = db.countOld(ctx, k.table, k.where, done.Before)
		} else {
			done.Rows, err = db.deleteOld(ctx, k, done.Before, limit)
		}
		all, failed = append(all, done), errors.Join(failed, wrapKind(k.name, err))
	}
	return all, failed
}

// wrapKind adds the name of a kind to err.
func wrapKind(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// countOld counts old rows for a dry run.
func (db Operations) countOld(ctx context.Context, table, where string, before time.Time) (n int64, err error) {
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		return sqlx.GetContext(ctx, q, &n, `SELECT count(*) FROM `+table+` WHERE center_id = $1 AND `+where, db.center, before)
	})
	return n, err
}

// deleteOld deletes old rows in batches until none is left or limit has passed. A batch
// that exceeds its time is tried again with fewer rows.
func (db Operations) deleteOld(ctx context.Context, k rowKind, before time.Time, limit time.Duration) (total int64, err error) {
	end := time.Now().Add(limit)
	for rows := retentionBatch; time.Now().Before(end); {
		begun := time.Now()
		n, err := db.deleteBatch(ctx, k, before, rows)
		total += n
		switch {
		case err == nil && n == 0:
			return total, nil
		case isTimeout(err) && ctx.Err() == nil && rows > 1:
			rows = max(1, rows/8)
		case err != nil:
			return total, err
		}
		if !sleep(ctx, time.Since(begun)) {
			return total, ctx.Err()
		}
	}
	return total, nil
}

// isTimeout reports whether a batch exceeded its time, perhaps in its commit. If the commit
// succeeded, the next batch does not find those rows.
func isTimeout(err error) bool {
	return pgconn.IsContextError(err) || errors.Is(err, ErrUnknownOutcome)
}

// deleteBatch deletes one batch and skips rows that are in use, so a request waits for at
// most one batch. It selects the rows by an index and deletes them by ctid, which costs the
// same whatever the size of the table and the planner's statistics.
func (db Operations) deleteBatch(ctx context.Context, k rowKind, before time.Time, rows int) (n int64, err error) {
	ctx, stop := context.WithTimeout(ctx, db.batchTime)
	defer stop()
	statement := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE center_id = $1 AND %[2]s AND ctid = ANY (ARRAY(
			SELECT ctid FROM %[1]s WHERE center_id = $1 AND %[2]s ORDER BY %[3]s LIMIT $3 FOR UPDATE SKIP LOCKED))`,
		k.table, k.where, k.by)
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		res, err := tx.ExecContext(ctx, statement, db.center, before, rows)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		n = 0
	}
	return n, err
}

// sleep waits for pause. It returns false if ctx ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	wait := time.NewTimer(pause)
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A keyedKind is a kind of rows that are deleted in the order of a key, all rows of a key
// in one transaction.
type keyedKind struct {
	name, table, key string
	where            string // of a row r; $1 is the centre, $2 the time, $3 and $4 the keys, $5 args
	before           time.Time
	args             []any
}

// keyedKinds returns the kinds without an index by time. On lockouts it would cost each
// attempt a second write, and nearly all consents are old and stay.
func keyedKinds(now, record time.Time) []keyedKind {
	return []keyedKind{
		{"consents", "consents", "identity_digest", endedConsent, record, nil},
		{"attempts", "lockouts", "person_digest", `r.updated_at < $2 AND (r.locked_until IS NULL OR r.locked_until < $5)`,
			now.Add(-lockoutLife), []any{now}},
	}
}

// endedConsent selects consents that no longer decide anything: those before a user's
// latest of a purpose, and the latest of a user without a link. Their life counts from the
// withdrawal, or else from the later consent, or else from when they were given. The latest
// consent of a linked user stays even if it is withdrawn, because without it a form would
// count as a consent again. The links are limited to the keys of the transaction, because
// PostgreSQL would otherwise read all of them each time.
const endedConsent = `r.given_at < $2 AND (r.withdrawn_at IS NULL OR r.withdrawn_at < $2)
	AND CASE WHEN EXISTS (SELECT 1 FROM consents n WHERE n.center_id = $1 AND n.identity_digest = r.identity_digest
			AND n.purpose = r.purpose AND n.given_at > r.given_at)
		THEN r.withdrawn_at IS NOT NULL OR EXISTS (SELECT 1 FROM consents n WHERE n.center_id = $1
			AND n.identity_digest = r.identity_digest AND n.purpose = r.purpose AND n.given_at > r.given_at AND n.given_at < $2)
		ELSE NOT EXISTS (SELECT 1 FROM links l WHERE l.center_id = $1 AND l.identity_digest = r.identity_digest
			AND l.identity_digest > $3 AND l.identity_digest <= $4) END`

// retainKeyed deletes the rows of a keyedKind. It skips keys whose rows cannot be deleted
// in a batch's time.
func (db Operations) retainKeyed(ctx context.Context, k keyedKind, dryRun bool) (done Retained, failed error) {
	done = Retained{Kind: k.name, Before: k.before}
	for from := []byte{}; ; {
		begun := time.Now()
		to, more, err := db.nextKeys(ctx, k, from)
		if err != nil || to == nil {
			return done, errors.Join(failed, wrapKind(k.name, err))
		}
		n, err := db.retainBetween(ctx, k, [2][]byte{from, to}, dryRun)
		if done.Rows += n; err != nil {
			failed = wrapKind(k.name, err)
		}
		if !more || err != nil && !isTimeout(err) || !sleep(ctx, time.Since(begun)) {
			return done, failed
		}
		from = to
	}
}

// nextKeys returns the last key of the next batch, or nil if there is none.
func (db Operations) nextKeys(ctx context.Context, k keyedKind, from []byte) (to []byte, more bool, err error) {
	var keys [][]byte
	err = db.read(ctx, func(q sqlx.QueryerContext) error {
		keys = nil
		return sqlx.SelectContext(ctx, q, &keys, fmt.Sprintf(`
			SELECT %[1]s FROM %[2]s WHERE center_id = $1 AND %[1]s > $2
			GROUP BY %[1]s ORDER BY %[1]s LIMIT $3`, k.key, k.table), db.center, from, retentionBatch)
	})
	if err != nil || len(keys) == 0 {
		return nil, false, err
	}
	return keys[len(keys)-1], len(keys) == retentionBatch, nil
}

// retainBetween deletes or counts the old rows of the keys after the first up to the
// second.
func (db Operations) retainBetween(ctx context.Context, k keyedKind, keys [2][]byte, dryRun bool) (n int64, err error) {
	from := fmt.Sprintf(`FROM %s r WHERE r.center_id = $1 AND r.%s > $3 AND r.%[2]s <= $4 AND %s`, k.table, k.key, k.where)
	args := append([]any{db.center, k.before, keys[0], keys[1]}, k.args...)
	ctx, stop := context.WithTimeout(ctx, db.batchTime)
	defer stop()
	err = db.inTx(ctx, func(tx *sqlx.Tx, _ time.Time) error {
		if dryRun {
			return tx.GetContext(ctx, &n, `SELECT count(*) `+from, args...)
		}
		res, err := tx.ExecContext(ctx, `DELETE `+from, args...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// spentLife is longer than any value that is valid once: Alipay accepts an auth code for 3
// minutes to 24 hours, and a one-time token is valid for OneTimeLife.
const spentLife = 25 * time.Hour

// notificationLife is much longer than Alipay repeats a notification (25 hours) and than an
// old one is accepted (48 hours).
const notificationLife = 365 * 24 * time.Hour

// linkProofLife is how long a link's proof can be looked up.
const linkProofLife = 90 * 24 * time.Hour

// outboxLife is how long the outcome of a notice can be looked up.
const outboxLife = 90 * 24 * time.Hour

// sprayingLife keeps the counters of a day for another day, so that operators can look them
// up.
const sprayingLife = 48 * time.Hour

// smsCodeLife keeps codes beyond the day in which they count, so that operators can look them
// up.
const smsCodeLife = 48 * time.Hour

// purgeKinds are the rows that Purge deletes at the end of their life.
var purgeKinds = []rowKind{
	{"sessions", "sessions", "created_at", `created_at <= $2`, after(SessionLife)},
	{"spent values", "spent_values", "spent_at", `spent_at <= $2`, after(spentLife)},
	{"devices", "devices", "used_at", `used_at <= $2`, after(deviceLife)},
	{"proofs of devices", "dpop_proofs", "expires_at", `expires_at <= $2`, after(0)},
	{"first answers", "idempotency_records", "created_at", `created_at <= $2`, after(IdempotencyRecordLife)},
	{"password tickets", "password_tickets", "made_at", `made_at <= $2`, after(TicketLife)},
	{"daily counts", "daily_counts", "day", `day < ($2::timestamptz AT TIME ZONE 'UTC')::date`, after(countLife)},
	{"notifications", "notifications", "received_at", `received_at <= $2`, after(notificationLife)},
	{"pending links", "link_proofs", "opened_at", `opened_at <= $2`, after(linkProofLife)},
	{"phone proofs", "phone_payloads", "used_at", `used_at <= $2`, after(phonePayloadLife)},
	{"notices to owners", "outbox", "created_at", `created_at <= $2`, after(outboxLife)},
	{"answers about messages", "message_subscriptions", "at", `at <= $2`, after(subscriptionLife)},
	{"counts of channels", "channel_counts", "minute", `minute <= $2`, after(channelCountLife)},
	{"approvals that lapsed", "operator_approvals", "expires_at", `expires_at <= $2`, after(0)},
	{"SMS codes", "sms_codes", "issued_at", `issued_at <= $2`, after(smsCodeLife)},
	{"counts of spraying", "spraying", "since", `since <= $2`, after(sprayingLife)},
}

// Purge deletes expired rows: sessions, devices, proofs, spent values, idempotency records,
// tickets, counts, notifications, payloads and notices. It spends at most a minute on each kind and leaves
// the rest to the next call; an error with one kind does not stop the others. It may be
// called repeatedly and by several processes.
func (db Operations) Purge(ctx context.Context) error {
	_, err := db.retainKinds(ctx, purgeKinds, purgeTime, false)
	return err
}
