package store

// Committing is how many commits are under way.
func (db *DB) Committing() int64 { return db.committing.Load() }
