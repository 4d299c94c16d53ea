package cmdtest

import (
	"time"

	"fundpass/keys"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

// Open opens the environment's database with the environment's keys.
func (s *ServerEnv) Open() *store.DB {
	s.T.Helper()
	cipher, err := keys.LoadColumnCipher(s.Path("column.key"))
	NoError(s.T, err)
	pepper, err := keys.LoadPepper(s.Path("pepper.key"))
	NoError(s.T, err)
	return storetest.Open(s.T, s.DSN, storetest.WithColumnCipher(cipher), storetest.WithPepper(pepper))
}

// Account returns a person's account in the database, or nil.
func (s *ServerEnv) Account(db *store.DB, idType, idNumber, accountNo string) *store.Account {
	s.T.Helper()
	doc, err := document.Parse(idType, idNumber)
	NoError(s.T, err)
	a, err := db.ReserveAttempt(s.T.Context(), store.AttemptRequest{
		PersonDigest: db.PersonDigest(doc.Key()), Scope: store.PublicScope, AccountNo: accountNo,
		Policy: store.LockoutPolicy{Attempts: []int{50}, Until: func(now time.Time) []time.Time { return []time.Time{now} }},
	})
	NoError(s.T, err)
	return a.Account
}

// Hasher returns a hasher that uses the present pepper file and costs far less than a
// server's.
func (s *ServerEnv) Hasher() *passwd.Hasher {
	s.T.Helper()
	pepper, err := keys.LoadPepper(s.Path("pepper.key"))
	NoError(s.T, err)
	h := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Slots: 1})
	s.T.Cleanup(h.Close)
	return h
}
