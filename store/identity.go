package store

import (
	"bytes"
	"encoding/json"

	jsonv2 "github.com/go-json-experiment/json"
)

// An Identity is a provider's identifier of a user within one application. Provider and
// kind are part of it, so an open_id never equals a user_id.
type Identity struct {
	Provider, AppID, Kind, Value string

	UserID string // the user_id of the same user, if Alipay returned it with the open_id
}

// digest returns the blind index of an identity. UserID is not part of it, because Alipay
// may stop returning it.
func (db *DB) digest(id Identity) []byte {
	return db.cipher.Index("identity", []byte(id.Provider), []byte(id.AppID), []byte(id.Kind), []byte(id.Value))
}

// PersonDigest returns the blind index of a document's canonical key; see
// document.Document.Key. The person need not be known to the centre.
func (db *DB) PersonDigest(documentKey []byte) []byte {
	return db.cipher.Index("person", []byte(db.center), documentKey)
}

// accountNoDigest returns the blind index of an account number within the centre.
func (db *DB) accountNoDigest(accountNo string) []byte {
	return db.cipher.Index("account number", []byte(db.center), []byte(accountNo))
}

// Digest returns a keyed digest of parts, for values that must be recognised but never
// read. It is keyed by the column key alone, so no part may be guessable, as a password is;
// see PasswordFingerprints.
func (db *DB) Digest(purpose string, parts ...[]byte) []byte {
	return db.cipher.Index(purpose, parts...)
}

// seal encrypts v as JSON, bound to its row.
func (db *DB) seal(v any, table string, key []byte) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	context := db.rowContext(table, key)
	return db.cipher.Seal(plain, context)
}

// unseal is the inverse of seal. It fails for a value copied from another row. Every request
// unseals a session, and this decoder takes half the time of encoding/json.
func (db *DB) unseal(sealed []byte, table string, key []byte, v any) error {
	context := db.rowContext(table, key)
	plain, err := db.cipher.Open(sealed, context)
	if err != nil {
		return err
	}
	return jsonv2.Unmarshal(plain, v)
}

// rowContext returns the associated data of a sealed value: table, centre and row key. The
// first two have no zero byte, so different rows never have the same data.
func (db *DB) rowContext(table string, key []byte) []byte {
	return bytes.Join([][]byte{[]byte(table), []byte(db.center), key}, []byte{0})
}
