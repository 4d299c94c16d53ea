package store

import "encoding/json"

// An Identity is what a provider calls a citizen within one application. The provider and
// the kind are part of it: an open_id and a user_id are never compared with each other.
type Identity struct {
	Provider, AppID, Kind, Value string

	UserID string // the user_id beside an open_id, where Alipay still gives both
}

// digest is the identity's blind index. UserID is left out: it may come and go.
func (db *DB) digest(id Identity) []byte {
	return db.cipher.Index("identity", []byte(id.Provider), []byte(id.AppID), []byte(id.Kind), []byte(id.Value))
}

// PersonDigest is the blind index of a document's canonical key, see
// document.Document.Key. It exists for people the centre has never heard of, too.
func (db *DB) PersonDigest(documentKey []byte) []byte {
	return db.cipher.Index("person", []byte(db.center), documentKey)
}

func (db *DB) accountNoDigest(accountNo string) []byte {
	return db.cipher.Index("account number", []byte(db.center), []byte(accountNo))
}

// Digest is a keyed fingerprint of parts, for whatever must be recognised later
// but never read. The column key alone makes it, so what could be guessed, as a
// password can, is none of its parts: see PasswordFingerprints.
func (db *DB) Digest(purpose string, parts ...[]byte) []byte {
	return db.cipher.Index(purpose, parts...)
}

// seal encrypts v as JSON, bound to the row that will hold it.
func (db *DB) seal(v any, table string, key []byte) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return db.cipher.Seal(plain, db.rowContext(table, key))
}

// unseal is the inverse of seal. A row copied to another place does not open.
func (db *DB) unseal(sealed []byte, table string, key []byte, v any) error {
	plain, err := db.cipher.Open(sealed, db.rowContext(table, key))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

func (db *DB) rowContext(table string, key []byte) []byte {
	context := make([]byte, 0, len(table)+len(db.center)+len(key)+2)
	context = append(context, table...)
	context = append(context, 0)
	context = append(context, db.center...)
	context = append(context, 0)
	return append(context, key...)
}
