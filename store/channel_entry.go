package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// What a channel asks citizens for.
const (
	CredentialPassword = "password"
	CredentialPhonePIN = "phone_pin" // digits of its own, for a keypad
)

// Why a channel is off. It is "" for a channel that was never switched on.
const (
	OffManual    = "manual"
	OffAutomatic = "automatic"
)

// A ChannelEntry is a channel of a centre's registry.
type ChannelEntry struct {
	Channel string    `db:"channel"`
	Code    int       `db:"code"`  // its number in the systems of vendors
	Title   string    `db:"title"` // its name for citizens, in Chinese
	IsOn    bool      `db:"is_on"`
	SetAt   time.Time `db:"set_at"` // when it was switched on or off; zero for a default

	OffKind   string     `db:"off_kind"`
	OffReason string     `db:"off_reason"`
	ResumesAt *time.Time `db:"resumes_at"` // when an automatic off ends by itself; nil: never

	Opens  int `db:"opens"`  // minutes after midnight in Beijing
	Closes int `db:"closes"` // of the next day if before Opens; equal to Opens: open all day

	PerMinute      int    `db:"per_minute"` // requests of all servers; 0: no limit
	Credential     string `db:"credential"`
	SharesPassword bool   `db:"shares_password"` // it takes the password that is changed here
	Keypad         string `db:"keypad"`          // characters that can be typed there, as in a policy's charset; "": any

	Proofs        pq.StringArray `db:"proofs"`         // for a password that its owner chose; nil: those of the settings
	InitialProofs pq.StringArray `db:"initial_proofs"` // for any other password

	// The channel is switched off if FailurePercent of at least FailureRequests requests in
	// FailureMinutes fail. 0: never.
	FailurePercent  int   `db:"failure_percent"`
	FailureRequests int   `db:"failure_requests"`
	FailureMinutes  int   `db:"failure_minutes"`
	CoolDownSeconds int64 `db:"cool_down_seconds"` // 0: until an operator switches it on
}

// Switched reports whether the channel is on, whatever its service hours. An automatic off
// ends with its cool-down, without a write.
func (e ChannelEntry) Switched(now time.Time) bool {
	return e.IsOn || e.OffKind == OffAutomatic && e.ResumesAt != nil && !now.Before(*e.ResumesAt)
}

// Counted reports whether the channel's requests are counted in the database.
func (e ChannelEntry) Counted() bool { return e.PerMinute > 0 || e.FailurePercent > 0 }

const channelColumns = `channel, code, title, is_on, set_at, coalesce(off_kind, '') AS off_kind, coalesce(off_reason, '') AS off_reason,
	resumes_at, opens, closes, coalesce(per_minute, 0) AS per_minute, credential, shares_password, coalesce(keypad, '') AS keypad,
	proofs, initial_proofs, coalesce(failure_percent, 0) AS failure_percent, coalesce(failure_requests, 0) AS failure_requests,
	coalesce(failure_minutes, 0) AS failure_minutes, coalesce(cool_down_seconds, 0) AS cool_down_seconds`

// Channels returns the centre's registry by code: the usual channels and any other that has
// a row.
func (db Registry) Channels(ctx context.Context) ([]ChannelEntry, error) {
	var all []ChannelEntry
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `SELECT `+channelColumns+` FROM channels WHERE center_id = $1`, db.center)
	})
	if err != nil {
		return nil, err
	}
	for _, usual := range usualChannels {
		if !slices.ContainsFunc(all, func(e ChannelEntry) bool { return e.Channel == usual.Channel }) {
			all = append(all, usual)
		}
	}
	slices.SortFunc(all, func(a, b ChannelEntry) int { return cmp.Compare(a.Code, b.Code) })
	return all, nil
}

// A ChannelOrder is an operator's action on a channel. Operator and Reason are stored in
// clear text, so the caller keeps personal data out of them.
type ChannelOrder struct {
	Channel  string
	Action   string // for the record
	Operator string
	Reason   string
}

// Actions of operators on channels.
const (
	ActionChannelOn       = "channel on"
	ActionChannelOff      = "channel off"
	ActionChannelOffAsked = "channel off requested" // by the first of two operators
	ActionChannelOffAlone = "channel off, emergency"
	ActionChannelHours    = "channel hours"
	ActionChannelLimit    = "channel limit"
	ActionChannelSet      = "channel set"
)

// ChangeChannel applies change to a channel and records the order. change may run more than
// once; its error is returned and nothing is changed. ChangeChannel returns ErrNotFound if no
// channel has the name. Switching a channel on cancels a request to switch it off.
func (db Registry) ChangeChannel(ctx context.Context, o ChannelOrder, change func(*ChannelEntry) error) (ChannelEntry, error) {
	var e ChannelEntry
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		var err error
		if e, err = db.lockChannel(ctx, tx, o.Channel, now); err != nil {
			return err
		}
		was := e.Switched(now)
		if err := change(&e); err != nil {
			return err
		}
		if e.IsOn {
			e.OffKind, e.OffReason, e.ResumesAt = "", "", nil
			if !was {
				e.SetAt = now
			}
			if err := db.cancelApproval(ctx, tx, ActionChannelOff, o.Channel); err != nil {
				return err
			}
		}
		if err := db.saveChannel(ctx, tx, e); err != nil {
			return err
		}
		return db.recordOrder(ctx, tx, o, now)
	})
	return e, err
}

// lockChannel locks the row of a channel and returns it. It inserts the default first, so
// that all changes of a channel wait for one another.
func (db Registry) lockChannel(ctx context.Context, tx *sqlx.Tx, name string, now time.Time) (e ChannelEntry, err error) {
	usual, ok := DefaultChannel(name)
	if !ok {
		return e, ErrNotFound
	}
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO channels (center_id, channel, code, title, is_on, set_at, opens, closes, credential, shares_password, keypad)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, ''))
		ON CONFLICT (center_id, channel) DO NOTHING`,
		db.center, usual.Channel, usual.Code, usual.Title, usual.IsOn, now, usual.Opens, usual.Closes,
		usual.Credential, usual.SharesPassword, usual.Keypad); err != nil {
		return e, err
	}
	err = tx.GetContext(ctx, &e, `SELECT `+channelColumns+` FROM channels WHERE center_id = $1 AND channel = $2 FOR UPDATE`, db.center, name)
	return e, err
}

func (db Registry) saveChannel(ctx context.Context, tx *sqlx.Tx, e ChannelEntry) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE channels SET title = $3, is_on = $4, set_at = $5, off_kind = nullif($6, ''), off_reason = nullif($7, ''), resumes_at = $8,
			opens = $9, closes = $10, per_minute = nullif($11::int, 0), credential = $12, shares_password = $13, keypad = nullif($14, ''),
			proofs = $15, initial_proofs = $16, failure_percent = nullif($17::int, 0), failure_requests = nullif($18::int, 0),
			failure_minutes = nullif($19::int, 0), cool_down_seconds = nullif($20::bigint, 0)
		WHERE center_id = $1 AND channel = $2`,
		db.center, e.Channel, e.Title, e.IsOn, e.SetAt, e.OffKind, e.OffReason, e.ResumesAt,
		e.Opens, e.Closes, e.PerMinute, e.Credential, e.SharesPassword, e.Keypad,
		e.Proofs, e.InitialProofs, e.FailurePercent, e.FailureRequests, e.FailureMinutes, e.CoolDownSeconds)
	return err
}

// recordOrder adds an action on a channel to the operators' record.
func (db Registry) recordOrder(ctx context.Context, tx *sqlx.Tx, o ChannelOrder, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO operator_actions (center_id, action_id, at, operator, action, channel, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		db.center, uuid.New(), now, o.Operator, o.Action, o.Channel, o.Reason)
	return err
}

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
func (db Registry) SwitchOff(ctx context.Context, o ChannelOrder, emergency bool) (OffResult, error) {
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
func (db Registry) approveOff(ctx context.Context, tx *sqlx.Tx, o ChannelOrder, emergency bool, now time.Time) (OffResult, error) {
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
func (db Registry) pendingOperator(ctx context.Context, tx *sqlx.Tx, action, channel string, now time.Time) (string, error) {
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
func (db Registry) askApproval(ctx context.Context, tx *sqlx.Tx, action string, o ChannelOrder, now, expires time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO operator_approvals (center_id, action, channel, operator, reason, asked_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (center_id, action, channel) DO UPDATE
		SET operator = excluded.operator, reason = excluded.reason, asked_at = excluded.asked_at, expires_at = excluded.expires_at`,
		db.center, action, o.Channel, o.Operator, o.Reason, now, expires)
	return err
}

func (db Registry) cancelApproval(ctx context.Context, tx *sqlx.Tx, action, channel string) error {
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
func (db Registry) PendingOffs(ctx context.Context) ([]Approval, error) {
	var all []Approval
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		all = nil
		return sqlx.SelectContext(ctx, q, &all, `
			SELECT channel, operator, reason, expires_at FROM operator_approvals
			WHERE center_id = $1 AND action = $2 AND expires_at > $3 ORDER BY channel`, db.center, ActionChannelOff, db.clock())
	})
	return all, err
}
