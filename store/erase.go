package store

import (
	"context"
	"errors"
	"time"

	"fundpass/store/pgconn"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// EventErased is the event that Erase adds.
const EventErased = "erased"

// An Erasure is a request to erase a person's data.
type Erasure struct {
	OperatorRequest
	Accounts bool // also erase the accounts and their passwords
	DryRun   bool // count only
}

// An Erased is the result of Erase.
type Erased struct {
	ActionID uuid.UUID
	At       time.Time
	Account  Account    // the account named, or the person's first
	Accounts int        // number of the person's accounts
	Gone     []RowCount // erased
	Kept     []RowCount
}

// A RowCount is a number of rows of a table.
type RowCount struct {
	Table string
	Rows  int64
}

// errDryRun rolls back the transaction of a dry run.
var errDryRun = errors.New("store: dry run")

// Erase deletes the data kept about a person (PIPL article 47) in one transaction: links,
// pending links, transfers, sessions, devices, changes, resets, earlier passwords, attempts, counts,
// phone proofs, consents, notices, idempotency records and the content of notifications.
// The accounts and their present passwords are the centre's own data and stay unless
// Accounts is set. Events and operators' actions stay for their retention time: they
// contain no personal data, only the account's id, which is a keyed digest. The issuer of a
// reset code is recorded there.
//
// Erase returns ErrNotFound if there is no such account. A link made afterwards is a new
// one, and the next import adds an account again if the roster still lists it. Calling
// Erase twice is safe and recorded twice; a dry run is not recorded.
//
// It locks rows in the same order as other transactions; see lockSubject.
func (db Operations) Erase(ctx context.Context, e Erasure) (Erased, error) {
	var done Erased
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		done = Erased{ActionID: uuid.New(), At: now}
		accounts, err := db.accountsOf(ctx, tx, e.OperatorRequest)
		if err != nil {
			return err
		}
		done.Account, done.Accounts = accounts[0], len(accounts)
		t, err := db.lockSubject(ctx, tx, accounts)
		if err != nil {
			return err
		}
		if err := db.eraseSubject(ctx, tx, t, e, &done); err != nil {
			return err
		}
		if err := db.recordErasure(ctx, tx, t, e, &done); err != nil || !e.DryRun {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return done, err
}

// An erasable selects the rows of one table that refer to a person.
type erasable struct {
	table, where string
	by           any
}

// eraseSubject deletes the rows of a person and counts them.
func (db Operations) eraseSubject(ctx context.Context, tx *sqlx.Tx, t subjectRefs, e Erasure, done *Erased) error {
	if err := db.redactNotifications(ctx, tx, t, done); err != nil {
		return err
	}
	if err := db.eraseSprayCounts(ctx, tx, t); err != nil {
		return err
	}
	for _, r := range db.erasables(t, e) {
		res, err := tx.ExecContext(ctx, `DELETE FROM `+r.table+` WHERE center_id = $1 AND `+r.where, db.center, r.by)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		done.Gone = add(done.Gone, r.table, n)
	}
	return nil
}

// erasables returns the rows to delete, in the order of the locks and accounts last. Links
// of all providers and credentials of all kinds are among them. A new table with personal
// data needs an entry here; see collectPersonData.
func (db Operations) erasables(t subjectRefs, e Erasure) []erasable {
	persons, accounts, identities := byteas(t.persons...), uuids(t.accounts), byteas(t.identities...)
	all := []erasable{
		{"link_proofs", `person_digest = ANY ($2)`, persons}, // FinishLink locks them first
		{"link_proofs", `account_id = ANY ($2::uuid[])`, accounts},
		{"link_proofs", `identity_digest = ANY ($2)`, identities},
		{"link_transfers", `person_digest = ANY ($2)`, persons},
		{"link_transfers", `account_id = ANY ($2::uuid[])`, accounts},
		{"link_transfers", `identity_digest = ANY ($2)`, identities},
		{"links", `person_digest = ANY ($2)`, persons},
		{"links", `account_id = ANY ($2::uuid[])`, accounts},
		{"resets", `person_digest = ANY ($2)`, persons},
		{"resets", `account_id = ANY ($2::uuid[])`, accounts},
		{"reset_codes", `account_id = ANY ($2::uuid[])`, accounts},
		{"changes", `person_digest = ANY ($2)`, persons},
		{"changes", `account_id = ANY ($2::uuid[])`, accounts},
		{"password_history", `account_id = ANY ($2::uuid[])`, accounts},
		{"devices", `person_digest = ANY ($2)`, persons}, // useDevice locks them before the session is written
		{"sessions", `identity_digest = ANY ($2)`, identities},
		{"password_tickets", `token_digest = ANY ($2)`, byteas(t.tokens...)},
		{"lockouts", `person_digest = ANY ($2)`, persons}, // ReserveAttempt locks them first
		{"idempotency_records", `scope = ANY ($2)`, byteas(db.scopes(t)...)},
		{"daily_counts", `subject_digest = ANY ($2)`, persons}, // ChargeReset locks the person's first
		{"daily_counts", `subject_digest = ANY ($2)`, identities},
		{"sms_codes", `person_digest = ANY ($2)`, persons}, // IssueSMSCode locks them after the count and before the outbox
		{"sms_codes", `account_id = ANY ($2::uuid[])`, accounts},
		{"phone_payloads", `identity_digest = ANY ($2)`, identities},
		{"consents", `identity_digest = ANY ($2)`, identities},
		{"message_subscriptions", `identity_digest = ANY ($2)`, identities},
		{"outbox", `account_id = ANY ($2::uuid[])`, accounts},
		{"spraying", `kind = 'user' AND actor = ANY ($2)`, identities},
	}
	if e.Accounts {
		for _, table := range []string{"password_credentials", "accounts"} {
			all = append(all, erasable{table, `account_id = ANY ($2::uuid[])`, accounts})
		}
	}
	return all
}

// eraseSprayCounts removes the person from the spray counters. It locks rows in the order
// of ReserveAttempt: counters of users, counters of addresses, then lockouts.
func (db Operations) eraseSprayCounts(ctx context.Context, tx *sqlx.Tx, t subjectRefs) error {
	var tried [][]byte
	for _, p := range t.persons {
		tried = append(tried, short(p))
	}
	var held []int
	if err := tx.SelectContext(ctx, &held, `
		SELECT 1 FROM spraying WHERE center_id = $1 AND (persons && $2 OR kind = 'user' AND actor = ANY ($3))
		ORDER BY kind DESC, actor, since FOR UPDATE`,
		db.center, byteas(tried...), byteas(t.identities...)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE spraying SET persons = ARRAY(SELECT p FROM unnest(persons) p WHERE p <> ALL ($2))
		WHERE center_id = $1 AND persons && $2`,
		db.center, byteas(tried...))
	return err
}

// add adds n rows to the count of a table.
func add(all []RowCount, table string, n int64) []RowCount {
	for i := range all {
		if all[i].Table == table {
			all[i].Rows += n
			return all
		}
	}
	return append(all, RowCount{table, n})
}

// redactNotifications deletes the content of the notifications about the person. The rows
// stay, so that a repeated delivery is still recognised.
func (db Operations) redactNotifications(ctx context.Context, tx *sqlx.Tx, t subjectRefs, done *Erased) error {
	ids, err := db.Inbox().notificationsAbout(ctx, tx, t)
	if err != nil {
		return err
	}
	for _, id := range ids {
		sealed, err := db.seal([]byte("{}"), "notifications", []byte(id))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE notifications SET sealed = $3, identity_digests = '{}' WHERE center_id = $1 AND notify_id = $2`,
			db.center, id, sealed); err != nil {
			return err
		}
	}
	done.Gone = add(done.Gone, "notifications (content)", int64(len(ids)))
	return nil
}

// recordErasure writes the events and the operator's action, and counts the rows that stay.
func (db Operations) recordErasure(ctx context.Context, tx *sqlx.Tx, t subjectRefs, e Erasure, done *Erased) error {
	name := ActionErase
	if e.Accounts {
		name = ActionEraseWithAccount
	}
	for _, account := range t.accounts {
		if err := db.insertEvent(ctx, tx, account, newEvent(EventErased, ChannelOperator, done.At)); err != nil {
			return err
		}
	}
	if err := db.recordAction(ctx, tx, done.Account.ID, action{name, e.OperatorRequest, done.ActionID}, done.At); err != nil {
		return err
	}
	tables := []string{"events", "operator_actions"}
	if !e.Accounts {
		tables = append(tables, "accounts", "password_credentials")
	}
	for _, table := range tables {
		var n int64
		if err := tx.GetContext(ctx, &n, `SELECT count(*) FROM `+table+` WHERE center_id = $1 AND account_id = ANY ($2::uuid[])`,
			db.center, uuids(t.accounts)); err != nil {
			return err
		}
		done.Kept = append(done.Kept, RowCount{table, n})
	}
	return nil
}

// lockSubject returns the keys of a person's rows and locks the rows against concurrent
// writers. It locks in the order of other transactions, so that none deadlock: link proofs,
// transfers, accounts (FinishLink, CompleteTransfer, imports), links (Freeze, RemoveLink,
// FinishChange) and sessions (AddLink). Erase locks the rest in the order of erasables. If
// a row was written before the locks were held, lockSubject returns pgconn.ErrRetry.
func (db Operations) lockSubject(ctx context.Context, tx *sqlx.Tx, accounts []Account) (subjectRefs, error) {
	before, t := subjectRefsOf(accounts), subjectRefsOf(accounts)
	if err := db.resolve(ctx, tx, &before); err != nil {
		return t, err
	}
	persons, ids, identities := byteas(before.persons...), uuids(before.accounts), byteas(before.identities...)
	for _, rows := range []struct {
		lock string
		by   []any
	}{
		{`SELECT 1 FROM link_proofs
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY proof_id FOR UPDATE`, []any{persons, ids, identities}},
		{`SELECT 1 FROM link_transfers
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY transfer_id FOR UPDATE`, []any{persons, ids, identities}},
		{`SELECT 1 FROM accounts
			WHERE center_id = $1 AND account_id = ANY ($2::uuid[])
			ORDER BY account_id FOR NO KEY UPDATE`, []any{ids}}, // concurrent inserts may refer to the account
		{`SELECT 1 FROM links
			WHERE center_id = $1 AND (person_digest = ANY ($2) OR account_id = ANY ($3::uuid[]) OR identity_digest = ANY ($4))
			ORDER BY identity_digest FOR UPDATE`, []any{persons, ids, identities}},
		{`SELECT 1 FROM sessions
			WHERE center_id = $1 AND identity_digest = ANY ($2)
			ORDER BY token_digest FOR UPDATE`, []any{identities}},
	} {
		var held []int
		if err := tx.SelectContext(ctx, &held, rows.lock, append([]any{db.center}, rows.by...)...); err != nil {
			return t, err
		}
	}
	if err := db.resolve(ctx, tx, &t); err != nil {
		return t, err
	}
	if !t.within(before) {
		return t, pgconn.ErrRetry
	}
	return t, nil
}
