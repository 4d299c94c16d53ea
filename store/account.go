package store

import (
	"time"

	"github.com/google/uuid"
)

// Account states (个人账户状态, GRZHZT) of JGJ/T 320.
const (
	StatusNormal  = "01" // 正常
	StatusSealed  = "02" // 封存
	StatusMerged  = "03" // 合并销户
	StatusMoved   = "04" // 外部转出销户
	StatusClosed  = "05" // 提取销户
	StatusFrozen  = "06" // 冻结
	StatusUnknown = "99" // 其他
)

// Password states, as in the check of password_credentials.
const (
	PasswordInitial    = "initial"     // derived from the person's data, never changed
	PasswordSet        = "set"         // chosen by the citizen
	PasswordMustChange = "must_change" // weak, leaked, or reset by a clerk
	PasswordFrozen     = "frozen"      // frozen by the owner ("不是我") or by the centre
)

// A Person is the holder of an account according to the centre's records. It is stored
// sealed and is never logged.
type Person struct {
	Name       string `json:"n"`
	IDType     string `json:"t"`           // ZJLX
	IDNumber   string `json:"i"`           // ZJHM, normalised
	Phone      string `json:"p,omitempty"` // in the form of document.Mobile
	AccountNo  string `json:"a"`           // GRZH
	EmployerNo string `json:"e,omitempty"`
}

// An Account is a fund account and the state of its password.
type Account struct {
	ID           uuid.UUID
	Status       string
	Person       Person
	PersonDigest []byte
	Version      int64
	State        string
	InitialRule  string // set if State is PasswordInitial, when no hash exists
	Hash         string

	// OwnPhone reports whether no account of another person of the centre has Person.Phone,
	// whatever its status, so that the number identifies the person. Only ReserveAttempt
	// and CheckResetCode set it.
	OwnPhone bool
}

// Ended reports whether the account is merged, moved or closed.
func (a Account) Ended() bool {
	return a.Status == StatusMerged || a.Status == StatusMoved || a.Status == StatusClosed
}

// An accountRow is the row of an Account.
type accountRow struct {
	ID           uuid.UUID `db:"account_id"`
	Status       string    `db:"status"`
	Sealed       []byte    `db:"sealed"`
	PersonDigest []byte    `db:"person_digest"`
	Version      int64     `db:"version"`
	State        string    `db:"state"`
	InitialRule  *string   `db:"initial_rule"`
	Hash         *string   `db:"hash"`
	OwnPhone     bool      `db:"own_phone"`
}

// accountColumns are the columns of an accountRow: a is accounts, c is password_credentials
// of one kind.
const accountColumns = `a.account_id, a.status, a.sealed, a.person_digest, c.version, c.state, c.initial_rule, c.hash`

// isPassword restricts c to passwords. It is not a plain comparison because, without
// statistics, as after the first import, PostgreSQL takes a literal kind for rare and reads
// the centre's credentials of that kind to find one.
const isPassword = `c.kind = ANY ('{password}')`

// ownPhone is the column OwnPhone. It is part of the query that finds the account, so that
// it costs no statement of its own.
const ownPhone = `a.phone_digest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accounts o
	WHERE o.center_id = $1 AND o.phone_digest = a.phone_digest AND o.person_digest <> a.person_digest) AS own_phone`

// account returns the Account of a row, with the sealed person opened.
func (db *DB) account(r accountRow) (Account, error) {
	a := Account{ID: r.ID, Status: r.Status, PersonDigest: r.PersonDigest, Version: r.Version, State: r.State, OwnPhone: r.OwnPhone}
	if r.InitialRule != nil {
		a.InitialRule = *r.InitialRule
	}
	if r.Hash != nil {
		a.Hash = *r.Hash
	}
	return a, db.unseal(r.Sealed, "accounts", r.ID[:], &a.Person)
}

// A PasswordStatus is the state of the linked account's password and of its owner's lockout
// counter.
type PasswordStatus struct {
	State       string
	Account     string     // status of the account, GRZHZT
	ChangedAt   *time.Time // nil: never changed by the citizen
	Attempts    int        // failed attempts in the present tier
	Tier        int        // number of tiers that ended in a lock since the last success
	LockedUntil *time.Time // may be in the past
	sealed      []byte     // the account's Person
}
