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

// Password states, see the schema's check.
const (
	PasswordInitial    = "initial"     // derived from the person's data, never changed
	PasswordSet        = "set"         // chosen by the citizen
	PasswordMustChange = "must_change" // weak, leaked, or reset by a clerk
	PasswordFrozen     = "frozen"      // the owner said "不是我", or the centre froze it
)

// A Person is what the centre's records say of an account's holder. It stands
// sealed in the database and is never logged.
type Person struct {
	Name       string `json:"n"`
	IDType     string `json:"t"`           // ZJLX
	IDNumber   string `json:"i"`           // ZJHM, normalised
	Phone      string `json:"p,omitempty"` // as document.Mobile writes it
	AccountNo  string `json:"a"`           // GRZH
	EmployerNo string `json:"e,omitempty"`
}

// An Account is a fund account together with its password's state.
type Account struct {
	ID           uuid.UUID
	Status       string
	Person       Person
	PersonDigest []byte
	Version      int64
	State        string
	InitialRule  string // set when State is PasswordInitial: no hash exists
	Hash         string

	// OwnPhone: Person.Phone stands at accounts of no other person of the centre, whatever
	// their status, so it tells whose it is. Only ReserveAttempt and CheckResetCode look; false
	// of an account that was not taken in since there are phone digests.
	OwnPhone bool
}

// Ended reports whether the account is merged, moved or closed.
func (a Account) Ended() bool {
	return a.Status == StatusMerged || a.Status == StatusMoved || a.Status == StatusClosed
}

// accountRow is an Account as it stands in the database.
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

// accountColumns go with accountRow; a stands for accounts, c for password_credentials of a kind.
const accountColumns = `a.account_id, a.status, a.sealed, a.person_digest, c.version, c.state, c.initial_rule, c.hash`

// isPassword is the kind of the credential c of an account. In a join it is no plain
// comparison: while PostgreSQL has no statistics, as after the first import, it takes a kind
// that is written out for rare and reads those of the whole centre to find one.
const isPassword = `c.kind = ANY ('{password}')`

// ownPhone goes with accountColumns where somebody may be about to be proven by phone: in
// the statement that finds the account, so that looking costs nobody a statement more.
const ownPhone = `a.phone_digest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM accounts o
	WHERE o.center_id = $1 AND o.phone_digest = a.phone_digest AND o.person_digest <> a.person_digest) AS own_phone`

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

// A PasswordStatus is the state of the linked account's password and of the
// owner's scope.
type PasswordStatus struct {
	State       string
	Account     string     // its status, GRZHZT
	ChangedAt   *time.Time // nil: never by the citizen
	Attempts    int        // failed, in the present tier
	Tier        int        // how many tiers ended in a lock since the last success
	LockedUntil *time.Time // may lie in the past
	sealed      []byte     // the account's Person
}
