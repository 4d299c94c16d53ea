package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A part is the query of one list of a person's data. $1 is the centre, $2 the keys of the
// rows.
type part struct {
	into  any
	query string
}

// collectPersonData reads the data that t refers to. A new table with personal data needs
// an entry here and in erasables; one with the digest of a user's identifier needs one in
// identityColumns as well.
func (db Operations) collectPersonData(ctx context.Context, q sqlx.QueryerContext, t subjectRefs, now time.Time) (PersonData, error) {
	d := PersonData{At: now}
	for _, list := range []struct {
		by    any
		parts []part
	}{
		{uuids(t.accounts), d.accountParts()},
		{byteas(t.persons...), d.personParts()},
		{byteas(t.linked...), d.linkedParts()},
		{byteas(t.identities...), d.identityParts()},
		{byteas(slices.Concat(t.persons, t.identities)...), []part{{&d.ResetCounts, `SELECT purpose, day::text AS day, count
			FROM daily_counts WHERE center_id = $1 AND subject_digest = ANY ($2) ORDER BY day, purpose`}}},
	} {
		for _, p := range list.parts {
			if err := sqlx.SelectContext(ctx, q, p.into, p.query, db.center, list.by); err != nil {
				return d, err
			}
		}
	}
	if err := db.collectAccounts(ctx, q, t, &d); err != nil {
		return d, err
	}
	if err := db.collectNotifications(ctx, q, t, &d); err != nil {
		return d, err
	}
	return d, db.openData(&d)
}

// accountParts returns the queries by account. They include the links of all providers and
// the credentials of all kinds.
func (d *PersonData) accountParts() []part {
	return []part{
		{&d.Links, `SELECT account_id, linked_at, authorised_at, identity_digest, sealed_identity
			FROM links WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY linked_at`},
		{&d.Passwords, `SELECT account_id, state, version, changed_at
			FROM password_credentials WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY account_id, kind`},
		{&d.Earlier, `SELECT account_id, version, set_at
			FROM password_history WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY account_id, kind, version`},
		{&d.ResetCodes, `SELECT issued_by, issued_at, used
			FROM reset_codes WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY issued_at`},
		{&d.Notices, `SELECT kind, medium, created_at, done_at
			FROM outbox WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY created_at`},
		{&d.Events, `SELECT event_id, at, kind, channel
			FROM events WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY at, event_id`},
		{&d.Operators, `SELECT action_id, at, operator, action, account_id, reason
			FROM operator_actions WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY at, action_id`},
	}
}

// personParts returns the queries by person.
func (d *PersonData) personParts() []part {
	return []part{
		{&d.Lockouts, `SELECT scope <> 'public' AS own, attempts, tier, locked_until, updated_at
			FROM lockouts WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY updated_at`},
		{&d.Changes, `SELECT change_id AS id, state, channel, opened_at, expires_at, closed_at
			FROM changes WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY opened_at`},
		{&d.Resets, `SELECT reset_id AS id, state, channel, opened_at, expires_at, closed_at
			FROM resets WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY opened_at`},
		{&d.LinkProofs, `SELECT proof_id AS id, state, opened_at, closed_at
			FROM link_proofs WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY opened_at`},
		{&d.Transfers, `SELECT transfer_id AS id, state, requested_at AS opened_at, closed_at
			FROM link_transfers WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY requested_at`},
		{&d.SMSCodes, `SELECT purpose, channel, issued_at, used
			FROM sms_codes WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY issued_at`},
		{&d.Devices, `SELECT device_id, created_at, used_at, ended_at, sealed
			FROM devices WHERE center_id = $1 AND person_digest = ANY ($2) ORDER BY created_at`},
	}
}

// linkedParts returns the queries by the identifier of the present link. A former holder's
// sessions are excluded, because they may be those of another person and contain a phone
// number.
func (d *PersonData) linkedParts() []part {
	return []part{
		{&d.Sessions, `SELECT created_at, seen_at, token_digest, sealed_phone
			FROM sessions WHERE center_id = $1 AND identity_digest = ANY ($2) ORDER BY created_at`},
	}
}

// identityParts returns the queries by identifier of present and former links.
func (d *PersonData) identityParts() []part {
	return []part{
		{&d.Consents, `SELECT purpose, text_version, how, given_at, withdrawn_at
			FROM consents WHERE center_id = $1 AND identity_digest = ANY ($2) ORDER BY given_at, purpose`},
		{&d.Subscriptions, `SELECT template_id, state, at
			FROM message_subscriptions WHERE center_id = $1 AND identity_digest = ANY ($2) ORDER BY at`},
		{&d.PhoneProofs, `SELECT used_at
			FROM phone_payloads WHERE center_id = $1 AND identity_digest = ANY ($2) ORDER BY used_at`},
	}
}

func (db Operations) collectAccounts(ctx context.Context, q sqlx.QueryerContext, t subjectRefs, d *PersonData) error {
	var rows []struct {
		ID        uuid.UUID `db:"account_id"`
		Status    string    `db:"status"`
		Sealed    []byte    `db:"sealed"`
		UpdatedAt time.Time `db:"updated_at"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT account_id, status, sealed, updated_at FROM accounts
		WHERE center_id = $1 AND account_id = ANY ($2::uuid[]) ORDER BY account_id`,
		db.center, uuids(t.accounts)); err != nil {
		return err
	}
	for _, r := range rows {
		var p Person
		if err := db.unseal(r.Sealed, "accounts", r.ID[:], &p); err != nil {
			return err
		}
		d.Accounts = append(d.Accounts, AccountData{
			ID: r.ID, Name: p.Name, IDType: p.IDType, IDNumber: p.IDNumber, Phone: p.Phone,
			AccountNo: p.AccountNo, EmployerNo: p.EmployerNo, Status: r.Status, UpdatedAt: r.UpdatedAt,
		})
	}
	return nil
}

func (db Operations) collectNotifications(ctx context.Context, q sqlx.QueryerContext, t subjectRefs, d *PersonData) error {
	ids, err := db.Inbox().notificationsAbout(ctx, q, t)
	if err != nil {
		return err
	}
	return sqlx.SelectContext(ctx, q, &d.Notifications, `
		SELECT notify_id, method, received_at FROM notifications
		WHERE center_id = $1 AND notify_id = ANY ($2) ORDER BY received_at`, db.center, pq.Array(ids))
}

// openData unseals the sealed fields.
func (db Operations) openData(d *PersonData) error {
	for i := range d.Links {
		l := &d.Links[i]
		if err := db.unseal(l.Sealed, "links", l.Digest, &l.Identity); err != nil {
			return err
		}
		l.Kind = l.Identity.Kind
	}
	for i := range d.Devices {
		dev := &d.Devices[i]
		var label DeviceLabel
		if err := db.unseal(dev.Sealed, "devices", dev.ID[:], &label); err != nil {
			return err
		}
		dev.Name, dev.Platform = label.Name, label.Platform
	}
	for i := range d.Sessions {
		s := &d.Sessions[i]
		if s.Sealed == nil {
			continue
		}
		if err := db.unseal(s.Sealed, "session phones", s.Token, &s.Phone); err != nil {
			return err
		}
	}
	return nil
}
