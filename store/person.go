package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Actions of Export and Erase.
const (
	ActionExport           = "export"
	ActionErase            = "erase"
	ActionEraseWithAccount = "erase with account"
)

// PersonData is the data kept about one person, unsealed, for the person (PIPL article 45).
// It contains no hashes or digests of passwords. Empty lists are omitted. Times are UTC.
type PersonData struct {
	At       time.Time     `json:"at"`
	Accounts []AccountData `json:"accounts,omitempty"`
	Links    []LinkData    `json:"links,omitempty"`
	Sessions []SessionData `json:"sessions,omitempty"`
	Devices  []DeviceData  `json:"devices,omitempty"`

	Passwords     []PasswordData     `json:"passwords,omitempty"`
	Earlier       []EarlierPassword  `json:"earlier_passwords,omitempty"`
	Lockouts      []LockoutData      `json:"lockouts,omitempty"`
	Changes       []ChangeData       `json:"changes,omitempty"`
	Resets        []ChangeData       `json:"resets,omitempty"`
	ResetCodes    []ResetCodeData    `json:"reset_codes,omitempty"`
	SMSCodes      []SMSCodeData      `json:"sms_codes,omitempty"`
	ResetCounts   []CountData        `json:"reset_counts,omitempty"`
	LinkProofs    []StepData         `json:"link_proofs,omitempty"` // verifications before a link
	Transfers     []StepData         `json:"link_transfers,omitempty"`
	Consents      []Consent          `json:"consents,omitempty"`
	Subscriptions []SubscriptionData `json:"message_subscriptions,omitempty"`
	PhoneProofs   []time.Time        `json:"phone_proofs,omitempty"` // when a phone number was last proven
	Notices       []NoticeData       `json:"notices,omitempty"`
	Notifications []NotificationData `json:"notifications,omitempty"`
	Events        []Event            `json:"events,omitempty"`
	Operators     []OperatorAction   `json:"operator_actions,omitempty"`
}

// AccountData is the data of an account.
type AccountData struct {
	ID         uuid.UUID `json:"account_id"`
	Name       string    `json:"name"`
	IDType     string    `json:"id_type"` // ZJLX
	IDNumber   string    `json:"id_number"`
	Phone      string    `json:"phone,omitempty"`
	AccountNo  string    `json:"account_no"`
	EmployerNo string    `json:"employer_no,omitempty"`
	Status     string    `json:"status"` // GRZHZT
	UpdatedAt  time.Time `json:"updated_at"`
}

// LinkData is a link. The caller sets Identifier to the masked identifier.
type LinkData struct {
	Identity     Identity  `json:"-"`
	Kind         string    `json:"kind"`
	Identifier   string    `json:"identifier"`
	AccountID    uuid.UUID `json:"account_id" db:"account_id"`
	LinkedAt     time.Time `json:"linked_at" db:"linked_at"`
	AuthorisedAt time.Time `json:"authorised_at" db:"authorised_at"` // when the user last signed in
	Digest       []byte    `json:"-" db:"identity_digest"`
	Sealed       []byte    `json:"-" db:"sealed_identity"`
}

// SessionData is a session that has not been purged. Phone is the number proven in it.
type SessionData struct {
	CreatedAt time.Time `json:"created_at" db:"created_at"`
	SeenAt    time.Time `json:"seen_at" db:"seen_at"`
	Phone     string    `json:"phone,omitempty" db:"-"`
	Token     []byte    `json:"-" db:"token_digest"`
	Sealed    []byte    `json:"-" db:"sealed_phone"`
}

// DeviceData is a device with which the person has signed in.
type DeviceData struct {
	ID        uuid.UUID  `json:"device_id" db:"device_id"`
	Name      string     `json:"name" db:"-"`
	Platform  string     `json:"platform,omitempty" db:"-"`
	CreatedAt time.Time  `json:"created_at" db:"created_at"`
	UsedAt    time.Time  `json:"used_at" db:"used_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty" db:"ended_at"`
	Sealed    []byte     `json:"-" db:"sealed"`
}

// PasswordData is the state of an account's password.
type PasswordData struct {
	AccountID uuid.UUID  `json:"account_id" db:"account_id"`
	State     string     `json:"state" db:"state"`
	Version   int64      `json:"version" db:"version"`
	ChangedAt *time.Time `json:"changed_at" db:"changed_at"`
}

// EarlierPassword reports that the fingerprint or hash of an earlier password is kept.
type EarlierPassword struct {
	AccountID uuid.UUID `json:"account_id" db:"account_id"`
	Version   int64     `json:"version" db:"version"`
	SetAt     time.Time `json:"set_at" db:"set_at"`
}

// LockoutData is the counter of one scope: the owner's own or the public one.
type LockoutData struct {
	Own         bool       `json:"own" db:"own"`
	Attempts    int        `json:"attempts" db:"attempts"`
	Tier        int        `json:"tier" db:"tier"`
	LockedUntil *time.Time `json:"locked_until" db:"locked_until"`
	UpdatedAt   time.Time  `json:"updated_at" db:"updated_at"`
}

// StepData is a step with a state, such as a verification or a transfer.
type StepData struct {
	ID       uuid.UUID  `json:"id" db:"id"`
	State    string     `json:"state" db:"state"`
	OpenedAt time.Time  `json:"opened_at" db:"opened_at"`
	ClosedAt *time.Time `json:"closed_at" db:"closed_at"`
}

// ChangeData is a password change or reset.
type ChangeData struct {
	StepData
	Channel   string    `json:"channel" db:"channel"`
	ExpiresAt time.Time `json:"expires_at" db:"expires_at"`
}

// SubscriptionData reports whether a user accepts messages.
type SubscriptionData struct {
	Template string    `json:"template_id" db:"template_id"`
	State    string    `json:"state" db:"state"`
	At       time.Time `json:"at" db:"at"`
}

// ResetCodeData is a reset code that a clerk issued.
type ResetCodeData struct {
	IssuedBy string    `json:"issued_by" db:"issued_by"`
	IssuedAt time.Time `json:"issued_at" db:"issued_at"`
	Used     bool      `json:"used" db:"used"`
}

// SMSCodeData is a code that was requested by SMS.
type SMSCodeData struct {
	Purpose  string    `json:"purpose" db:"purpose"`
	Channel  string    `json:"channel" db:"channel"`
	IssuedAt time.Time `json:"issued_at" db:"issued_at"`
	Used     bool      `json:"used" db:"used"`
}

// CountData is a daily count.
type CountData struct {
	Purpose string `json:"purpose" db:"purpose"`
	Day     string `json:"day" db:"day"`
	Count   int    `json:"count" db:"count"`
}

// NoticeData is a notice to the owner, or a code.
type NoticeData struct {
	Kind      string     `json:"kind" db:"kind"`
	Medium    string     `json:"medium" db:"medium"`
	CreatedAt time.Time  `json:"created_at" db:"created_at"`
	DoneAt    *time.Time `json:"done_at" db:"done_at"`
}

// NotificationData is a message from Alipay about the person.
type NotificationData struct {
	ID         string    `json:"notify_id" db:"notify_id"`
	Method     string    `json:"method" db:"method"`
	ReceivedAt time.Time `json:"received_at" db:"received_at"`
}

// Export returns the data kept about a person and records the operator's action, in one
// transaction. It returns ErrNotFound if there is no such account. Calling it twice is
// recorded twice.
func (db Operations) Export(ctx context.Context, u OperatorRequest) (PersonData, error) {
	var data PersonData
	err := db.inTx(ctx, func(tx *sqlx.Tx, now time.Time) error {
		accounts, err := db.accountsOf(ctx, tx, u)
		if err != nil {
			return err
		}
		t := subjectRefsOf(accounts)
		if err := db.resolve(ctx, tx, &t); err != nil {
			return err
		}
		if err := db.recordAction(ctx, tx, accounts[0].ID, action{ActionExport, u, uuid.New()}, now); err != nil {
			return err
		}
		data, err = db.collectPersonData(ctx, tx, t, now)
		return err
	})
	return data, err
}

// subjectRefsOf returns the keys of a person's accounts; resolve adds the others.
func subjectRefsOf(accounts []Account) subjectRefs {
	t := subjectRefs{persons: [][]byte{accounts[0].PersonDigest}}
	for _, a := range accounts {
		t.accounts = append(t.accounts, a.ID)
	}
	return t
}

// OwnData returns the data kept about the person of a linked session: the linked account
// and its history.
func (db *DB) OwnData(ctx context.Context, s Session) (PersonData, error) {
	var data PersonData
	err := db.read(ctx, func(q sqlx.QueryerContext) error {
		t := subjectRefs{persons: [][]byte{s.Link.PersonDigest}, accounts: []uuid.UUID{s.Link.AccountID}}
		err := db.Operations().resolve(ctx, q, &t)
		if err == nil {
			data, err = db.Operations().collectPersonData(ctx, q, t, db.clock())
		}
		return err
	})
	return data, err
}

// An action is an operator's action on an account.
type action struct {
	name string
	by   OperatorRequest
	id   uuid.UUID
}

// recordAction records an operator's action on an account.
func (db *DB) recordAction(ctx context.Context, tx *sqlx.Tx, account uuid.UUID, a action, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO operator_actions (center_id, action_id, at, operator, action, account_id, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		db.center, a.id, now, a.by.Operator, a.name, account, a.by.Reason)
	return err
}

// byteas returns digests as a parameter.
func byteas(all ...[]byte) any { return pq.ByteaArray(all) }
