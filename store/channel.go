package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// This file registers the channels and providers. No other file of the package names one.

// A channel is where something was done. Those of citizens are also in the registry, see
// Registry.Channels.
const (
	ChannelApp     = "app"     // the centre's app
	ChannelWechat  = "wechat"  // the official account
	ChannelWebsite = "website" // 网上服务大厅
	ChannelKiosk   = "kiosk"   // a terminal with a keypad
	ChannelHotline = "hotline" // 12329
	ChannelAlipay  = "alipay"  // the mini-program

	ChannelOperator = "operator" // an operator of the centre, see Operations.Unlock
	ChannelCounter  = "counter"  // a clerk of the centre
	ChannelCentre   = "centre"   // an update of the centre's records
)

// digits are what the keypad of a telephone or a terminal types.
const digits = "0-9"

// usualChannels are listed for every centre, with their defaults, by code. Only the
// mini-program is on, so that a centre with nothing else needs no registry.
var usualChannels = []ChannelEntry{
	{Channel: ChannelApp, Code: 10, Title: "手机应用", Credential: CredentialPassword, SharesPassword: true},
	{Channel: ChannelWechat, Code: 20, Title: "微信", Credential: CredentialPassword, SharesPassword: true},
	{Channel: ChannelWebsite, Code: 30, Title: "网站", Credential: CredentialPassword, SharesPassword: true},
	{Channel: ChannelKiosk, Code: 50, Title: "自助终端", Credential: CredentialPassword, Keypad: digits},
	{Channel: ChannelHotline, Code: 60, Title: "12329热线", Credential: CredentialPhonePIN, Keypad: digits},
	{Channel: ChannelAlipay, Code: 90, Title: "支付宝", Credential: CredentialPassword, SharesPassword: true, IsOn: true},
}

// moreChannels are the further channels that a centre may have: kiosks of other kinds and
// partners, such as the apps of banks.
func moreChannels() []ChannelEntry {
	var all []ChannelEntry
	for code := 51; code <= 53; code++ {
		all = append(all, ChannelEntry{Channel: fmt.Sprintf("kiosk-%d", code), Code: code, Title: "自助终端", Credential: CredentialPassword, Keypad: digits})
	}
	for code := 91; code <= 99; code++ {
		all = append(all, ChannelEntry{Channel: fmt.Sprintf("partner-%d", code), Code: code, Title: "合作机构", Credential: CredentialPassword})
	}
	return all
}

// DefaultChannel returns a channel as it is without a row in the registry, or false if no
// channel has the name.
func DefaultChannel(name string) (ChannelEntry, bool) {
	all := slices.Concat(usualChannels, moreChannels())
	i := slices.IndexFunc(all, func(e ChannelEntry) bool { return e.Channel == name })
	if i < 0 {
		return ChannelEntry{}, false
	}
	return all[i], true
}

// ProviderAlipay identifies users by an open_id or a user_id of Alipay.
const ProviderAlipay = "alipay"

// ProviderCentre is the centre itself. It identifies whoever signs in with a document and
// a password, on any channel; see SignIn.
const ProviderCentre = "centre"

// notifier is the provider of the messages in notifications.
const notifier = ProviderAlipay

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
func (db Registry) CountChannel(ctx context.Context, c ChannelCount) (ChannelReport, error) {
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
func (db Registry) failureRate(ctx context.Context, tx *sqlx.Tx, channel string, now time.Time) (r failureRate, err error) {
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
func (db Registry) trip(ctx context.Context, tx *sqlx.Tx, channel, reason string, now time.Time) (bool, error) {
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
