package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// AutomaticOperator is the operator of what the program does to a channel by itself.
const AutomaticOperator = "automatic"

// channelCountLife is much longer than the time in which failures are judged.
const channelCountLife = 48 * time.Hour

// A ChannelCount is what one server has counted of a channel since its last report.
type ChannelCount struct {
	Channel  string
	Minute   time.Time // any time in the minute
	Requests int
	Failures int
}

// A ChannelReport is the result of CountChannel.
type ChannelReport struct {
	Requests int    // of all servers in that minute
	Tripped  bool   // this report has switched the channel off
	Reason   string // the rate that did
}

// CountChannel adds a server's count to those of all servers. If the failures of the channel
// exceed its limit it switches the channel off, records that and reports it to one caller.
// Failures from before the channel was last switched on do not count, nor do those of the
// minute in which it was.
func (db *DB) CountChannel(ctx context.Context, c ChannelCount) (ChannelReport, error) {
	var done ChannelReport
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		done = ChannelReport{}
		if err := tx.GetContext(ctx, &done.Requests, `
			INSERT INTO channel_counts AS c (center_id, channel, minute, requests, failures) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (center_id, channel, minute) DO UPDATE
			SET requests = c.requests + excluded.requests, failures = c.failures + excluded.failures
			RETURNING requests`,
			db.center, c.Channel, c.Minute.Truncate(time.Minute), c.Requests, c.Failures); err != nil {
			return err
		}
		if c.Failures == 0 {
			return nil
		}
		rate, err := db.failureRate(ctx, tx, c.Channel, now)
		if err != nil || !rate.tooHigh() {
			return err
		}
		done.Reason = rate.String()
		done.Tripped, err = db.trip(ctx, tx, c.Channel, done.Reason, now)
		return err
	})
	return done, err
}

// A failureRate is what is judged of a channel, with its limit.
type failureRate struct {
	Requests int `db:"requests"`
	Failures int `db:"failures"`
	Percent  int `db:"failure_percent"`
	Least    int `db:"failure_requests"`
	Minutes  int `db:"failure_minutes"`
}

func (r failureRate) tooHigh() bool {
	return r.Percent > 0 && r.Requests >= r.Least && r.Failures*100 >= r.Requests*r.Percent
}

// String returns the reason of an automatic off.
func (r failureRate) String() string {
	return fmt.Sprintf("%d of %d requests failed in %d min, limit %d%%", r.Failures, r.Requests, r.Minutes, r.Percent)
}

// failureRate adds up the counts of a channel. Without a limit the rate is zero.
func (db *DB) failureRate(ctx context.Context, tx *sqlx.Tx, channel string, now time.Time) (r failureRate, err error) {
	err = tx.GetContext(ctx, &r, `
		SELECT coalesce(sum(n.requests), 0) AS requests, coalesce(sum(n.failures), 0) AS failures,
			coalesce(max(c.failure_percent), 0) AS failure_percent, coalesce(max(c.failure_requests), 0) AS failure_requests,
			coalesce(max(c.failure_minutes), 0) AS failure_minutes
		FROM channels c JOIN channel_counts n ON n.center_id = c.center_id AND n.channel = c.channel
		WHERE c.center_id = $1 AND c.channel = $2 AND c.failure_percent IS NOT NULL AND n.minute <= $3
			AND n.minute > $3::timestamptz - c.failure_minutes * interval '1 minute'
			AND n.minute >= greatest(c.set_at, c.resumes_at)`, db.center, channel, now)
	return r, err
}

// trip switches a channel off unless another server has done so. It reports whether it did.
func (db *DB) trip(ctx context.Context, tx *sqlx.Tx, channel, reason string, now time.Time) (bool, error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE channels SET is_on = false, set_at = $3, off_kind = $4, off_reason = $5,
			resumes_at = ($3::timestamptz AT TIME ZONE 'UTC' + cool_down_seconds * interval '1 second') AT TIME ZONE 'UTC'
		WHERE center_id = $1 AND channel = $2 AND (is_on OR off_kind = $4 AND resumes_at <= $3)`,
		db.center, channel, now, OffAutomatic, reason)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	return true, db.recordOrder(ctx, tx, ChannelOrder{channel, ActionChannelOff, AutomaticOperator, reason}, now)
}
