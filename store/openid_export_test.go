package store

// IdentityColumns returns the names of identityColumns, as table.column.
func IdentityColumns() []string {
	var all []string
	for _, c := range identityColumns {
		all = append(all, c.table+"."+c.column)
	}
	return all
}

// IdentityDigest returns the digest of an identity.
func (db *DB) IdentityDigest(id Identity) []byte { return db.digest(id) }

// LinkIdentity unseals the identifier of a link.
func (db *DB) LinkIdentity(digest, sealed []byte) (id Identity, err error) {
	err = db.unseal(sealed, "links", digest, &id)
	return id, err
}

// SealLink returns the sealed identifier of a link.
func (db *DB) SealLink(id Identity) ([]byte, error) {
	return db.seal(id, "links", db.digest(id))
}
