package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"fundpass/store/pgconn"
)

// A Notification is a verified message from Alipay.
type Notification struct {
	NotifyID       string
	Family, Method string
	Content        []byte    // JSON, stored sealed
	At             time.Time // Alipay's time of the message; zero if it has none

	Cancelled *Cancellation // for a withdrawn authorisation
}

// A Cancellation reports that a user withdrew the authorisation of the mini-program.
type Cancellation struct {
	Identity Identity
	Channel  string // through which it was received
	At       time.Time
}

// RecordNotification stores a notification and carries it out, in one transaction. Repeated
// deliveries, to any number of processes, have no further effect. first reports whether
// this delivery was the first.
func (db Inbox) RecordNotification(ctx context.Context, n Notification) (first bool, err error) {
	sealed, err := db.seal(n.Content, "notifications", []byte(n.NotifyID))
	if err != nil {
		return false, err
	}
	var madeAt, cancelledAt *time.Time
	if !n.At.IsZero() {
		madeAt = &n.At
	}
	if n.Cancelled != nil {
		cancelledAt = &n.Cancelled.At
	}
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO notifications (center_id, notify_id, family, method, sealed, made_at, received_at, identity_digests, cancelled_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (center_id, notify_id) DO NOTHING`,
			db.center, n.NotifyID, n.Family, n.Method, sealed, madeAt, now, db.namedIn(n.Content), cancelledAt)
		err = changedOne(res, err, ErrConflict)
		first = err == nil
		if errors.Is(err, ErrConflict) {
			return nil
		}
		if err != nil || n.Cancelled == nil {
			return err
		}
		_, err = db.withdraw(ctx, tx, *n.Cancelled, now)
		return err
	})
	return first && err == nil, err
}

// WithdrawAuthorisation carries out a cancellation whose notification was missed. c.At is
// the end of the second in which Alipay listed it. If the notification was received after
// all, its own time counts, so that what the user began later within that second is kept.
// repaired reports whether anything in force was ended. Calling it twice is safe.
func (db Inbox) WithdrawAuthorisation(ctx context.Context, c Cancellation) (repaired bool, err error) {
	err = db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		c, err := db.withNoticeTime(ctx, tx, c)
		if err != nil {
			return err
		}
		repaired, err = db.withdraw(ctx, tx, c, now)
		return err
	})
	return repaired, err
}

// maxListingDelay is how much later than in its notification a cancellation may be listed.
const maxListingDelay = 3 * time.Second

// withNoticeTime returns c with the time of its notification, if that was received.
func (db Inbox) withNoticeTime(ctx context.Context, tx *sqlx.Tx, c Cancellation) (Cancellation, error) {
	var at *time.Time
	err := tx.GetContext(ctx, &at, `
		SELECT max(cancelled_at) FROM notifications
		WHERE center_id = $1 AND identity_digests && $2 AND cancelled_at > $3 AND cancelled_at <= $4`,
		db.center, pq.ByteaArray(db.digests(c.Identity)), c.At.Add(-maxListingDelay), c.At)
	if err == nil && at != nil {
		c.At = *at
	}
	return c, err
}

// withdraw ends the link and everything else that began before the user withdrew. What
// began later belongs to a new authorisation and is kept, so a late notification does no
// harm. did reports whether anything in force was ended: a link, something open or a live
// session.
//
// A transaction that writes a link locks its session, so deleting the sessions waits for
// it. The links are therefore deleted once more afterwards, and withdraw is retried if one
// was found, because a change may have been opened for that link. Any later attempt to
// write a link finds its session gone.
func (db Inbox) withdraw(ctx context.Context, tx *sqlx.Tx, c Cancellation, now time.Time) (did bool, err error) {
	w := withdrawal{Tx: tx, db: db.DB, provider: c.Identity.Provider, channel: c.Channel, digests: pq.ByteaArray(db.digests(c.Identity)), at: c.At, now: now}
	transfers, err := w.closeOpen(ctx, "link_transfers", "waiting", "requested_at")
	if err != nil {
		return false, err
	}
	if w.digests, err = db.lockLinks(ctx, tx, c.Identity); err != nil {
		return false, err
	}
	linked, err := w.endLinks(ctx)
	if err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `
		DELETE FROM message_subscriptions WHERE center_id = $1 AND identity_digest = ANY ($2) AND at <= $3`,
		db.center, w.digests, c.At); err != nil { // subscriptions end with the authorisation
		return false, err
	}
	w.anyTime = linked // clocks of processes differ, so times do not show what belongs to the link
	resets, err := w.closeOpen(ctx, "resets", "started,passed", "opened_at")
	if err != nil {
		return false, err
	}
	changes, err := w.closeOpen(ctx, "changes", "open", "opened_at")
	if err != nil {
		return false, err
	}
	var alive []bool
	if err := tx.SelectContext(ctx, &alive, `
		DELETE FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2) AND created_at <= $3
		RETURNING seen_at > $4 AND created_at > $5`,
		db.center, w.digests, c.At, now.Add(-SessionIdle), now.Add(-SessionLife)); err != nil {
		return false, err
	}
	late, err := w.endLinks(ctx)
	if late && err == nil {
		err = pgconn.ErrRetry
	}
	return linked || transfers || resets || changes || slices.Contains(alive, true), err
}

// A withdrawal is the transaction of withdraw.
type withdrawal struct {
	*sqlx.Tx
	db                *DB
	provider, channel string
	digests           pq.ByteaArray // of the user
	at, now           time.Time

	anyTime bool // closeOpen also closes what began after at
}

// endLinks deletes the user's links that were last authorised before the withdrawal.
func (w withdrawal) endLinks(ctx context.Context) (ended bool, err error) {
	var accounts []uuid.UUID
	if err := w.SelectContext(ctx, &accounts, `
		DELETE FROM links
		WHERE center_id = $1 AND provider = $2 AND identity_digest = ANY ($3) AND authorised_at <= $4
		RETURNING account_id`,
		w.db.center, w.provider, w.digests, w.at); err != nil {
		return false, err
	}
	for _, account := range accounts {
		if err := w.db.addEvent(ctx, w.Tx, account, EventAuthorisationWithdrawn, w.channel, w.now); err != nil {
			return false, err
		}
	}
	return len(accounts) > 0, nil
}

// closeOpen cancels the user's open rows of a table; states are joined with commas.
func (w withdrawal) closeOpen(ctx context.Context, table, states, begun string) (did bool, err error) {
	var live []bool
	err = w.SelectContext(ctx, &live, `
		UPDATE `+table+` SET state = 'cancelled', closed_at = $4
		WHERE center_id = $1 AND identity_digest = ANY ($2) AND state = ANY (string_to_array($5, ','))
			AND ($6 OR `+begun+` <= $3)
		RETURNING expires_at > $4`,
		w.db.center, w.digests, w.at, w.now, states, w.anyTime)
	return slices.Contains(live, true), err
}

// lockLinks locks the links of an identity and returns all digests of the identity. The
// link of a user_id may have been moved to the open_id.
func (db *DB) lockLinks(ctx context.Context, tx *sqlx.Tx, id Identity) (pq.ByteaArray, error) {
	all := db.digests(id)
	var linked [][]byte
	err := tx.SelectContext(ctx, &linked, `
		SELECT identity_digest FROM links
		WHERE center_id = $1 AND provider = $2 AND (identity_digest = ANY ($3) OR user_digest = ANY ($3))
		ORDER BY identity_digest FOR UPDATE`,
		db.center, id.Provider, pq.ByteaArray(all))
	return append(all, linked...), err
}

// digests returns the blind indexes under which an identity may be stored: its own and that
// of the user_id beside it.
func (db *DB) digests(id Identity) [][]byte {
	all := [][]byte{db.digest(id)}
	if id.UserID != "" {
		all = append(all, db.digest(id.asUser()))
	}
	return all
}

// authorise records that the user opened the mini-program. An earlier cancellation has no
// effect on the link.
func (db *DB) authorise(ctx context.Context, tx *sqlx.Tx, provider string, identityDigest []byte, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE links SET authorised_at = $4
		WHERE center_id = $1 AND provider = $2 AND identity_digest = $3`,
		db.center, provider, identityDigest, now)
	return err
}

// namedIn returns the digests of the users that a message names: the values of all members
// whose names end in open_id or user_id, at any depth, also in JSON within strings. The
// result is never nil, and is empty if content is not JSON.
func (db Inbox) namedIn(content []byte) pq.ByteaArray {
	all := pq.ByteaArray{}
	for _, kind := range []string{kindOpenID, kindUserID} {
		for _, value := range valuesOf(content, kind) {
			all = append(all, db.digest(Identity{Provider: notifier, AppID: db.appID, Kind: kind, Value: value}))
		}
	}
	return all
}

// valuesOf returns the values of members whose names end in suffix.
func valuesOf(content []byte, suffix string) (all []string) {
	var v any
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, v := range v {
				walk(name, v)
			}
		case []any:
			for _, v := range v {
				walk(name, v)
			}
		case json.Number:
			walk(name, v.String())
		case string:
			switch {
			case v != "" && strings.HasSuffix(name, suffix):
				all = append(all, v)
			case strings.HasPrefix(v, "{"), strings.HasPrefix(v, "["):
				all = append(all, valuesOf([]byte(v), suffix)...)
			}
		}
	}
	walk("", v)
	return all
}

// notificationsAbout returns the ids of the notifications that name one of the person's
// users.
func (db Inbox) notificationsAbout(ctx context.Context, q sqlx.QueryerContext, t subjectRefs) (ids []string, err error) {
	err = sqlx.SelectContext(ctx, q, &ids, `
		SELECT notify_id FROM notifications WHERE center_id = $1 AND identity_digests && $2 ORDER BY notify_id`,
		db.center, pq.ByteaArray(t.identities))
	return ids, err
}
