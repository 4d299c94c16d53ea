package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// ApprovalLife is how long an action waits for its second operator.
const ApprovalLife = 30 * time.Minute

var (
	// ErrSameOperator reports that the second operator is the first one.
	ErrSameOperator = errors.New("store: another operator has to approve it")

	// ErrAlreadyOff reports that the channel is off by hand already.
	ErrAlreadyOff = errors.New("store: channel is off already")
)

// An OffResult is the result of SwitchOff.
type OffResult struct {
	Off     bool      // false: a second operator has to approve it
	First   string    // the operator who asked for it; "" in an emergency
	Expires time.Time // when the request lapses, unless Off
}

// SwitchOff switches a channel off by hand. The first operator asks for it and the second,
// another one, does it within ApprovalLife; in an emergency one operator is enough. Concurrent
// calls wait for one another, so exactly one of them switches the channel off. Errors:
// ErrNotFound, ErrAlreadyOff and, from the operator who asked for it, ErrSameOperator.
func (db *DB) SwitchOff(ctx context.Context, o ChannelOrder, emergency bool) (OffResult, error) {
	var done OffResult
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		e, err := db.lockChannel(ctx, tx, o.Channel, now)
		if err != nil {
			return err
		}
		if !e.IsOn && e.OffKind != OffAutomatic { // an automatic off would end by itself
			return ErrAlreadyOff
		}
		if done, err = db.approveOff(ctx, tx, o, emergency, now); err != nil {
			return err
		}
		switch {
		case !done.Off:
			o.Action = ActionChannelOffAsked
			return db.recordOrder(ctx, tx, o, now)
		case emergency:
			o.Action = ActionChannelOffAlone
		default:
			o.Action = ActionChannelOff
		}
		e.IsOn, e.SetAt, e.OffKind, e.OffReason, e.ResumesAt = false, now, OffManual, o.Reason, nil
		if err := db.saveChannel(ctx, tx, e); err != nil {
			return err
		}
		return db.recordOrder(ctx, tx, o, now)
	})
	return done, err
}

// approveOff decides whether the order completes the request of another operator. The caller
// has locked the channel.
func (db *DB) approveOff(ctx context.Context, tx *sqlx.Tx, o ChannelOrder, emergency bool, now time.Time) (OffResult, error) {
	if emergency {
		return OffResult{Off: true}, db.cancelApproval(ctx, tx, ActionChannelOff, o.Channel)
	}
	first, err := db.pendingOperator(ctx, tx, ActionChannelOff, o.Channel, now)
	switch {
	case err != nil:
		return OffResult{}, err
	case first == "":
		expires := now.Add(ApprovalLife)
		return OffResult{Expires: expires}, db.askApproval(ctx, tx, ActionChannelOff, o, now, expires)
	case strings.EqualFold(first, o.Operator):
		return OffResult{}, ErrSameOperator
	}
	return OffResult{Off: true, First: first}, db.cancelApproval(ctx, tx, ActionChannelOff, o.Channel)
}

// pendingOperator returns the operator who asked for an action that still waits, or "".
func (db *DB) pendingOperator(ctx context.Context, tx *sqlx.Tx, action, channel string, now time.Time) (string, error) {
	var all []string
	err := tx.SelectContext(ctx, &all, `
		SELECT operator FROM operator_approvals
		WHERE center_id = $1 AND action = $2 AND channel = $3 AND expires_at > $4`, db.center, action, channel, now)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0], nil
}

// askApproval stores a request. It replaces one that has lapsed.
func (db *DB) askApproval(ctx context.Context, tx *sqlx.Tx, action string, o ChannelOrder, now, expires time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO operator_approvals (center_id, action, channel, operator, reason, asked_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (center_id, action, channel) DO UPDATE
		SET operator = excluded.operator, reason = excluded.reason, asked_at = excluded.asked_at, expires_at = excluded.expires_at`,
		db.center, action, o.Channel, o.Operator, o.Reason, now, expires)
	return err
}

func (db *DB) cancelApproval(ctx context.Context, tx *sqlx.Tx, action, channel string) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM operator_approvals WHERE center_id = $1 AND action = $2 AND channel = $3`, db.center, action, channel)
	return err
}

// An Approval is an action that waits for its second operator.
type Approval struct {
	Channel  string    `db:"channel"`
	Operator string    `db:"operator"`
	Reason   string    `db:"reason"`
	Expires  time.Time `db:"expires_at"`
}

// PendingOffs returns the requests to switch off a channel that wait for a second operator.
func (db *DB) PendingOffs(ctx context.Context) ([]Approval, error) {
	var all []Approval
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT channel, operator, reason, expires_at FROM operator_approvals
			WHERE center_id = $1 AND action = $2 AND expires_at > $3 ORDER BY channel`, db.center, ActionChannelOff, db.clock())
	})
	return all, err
}
