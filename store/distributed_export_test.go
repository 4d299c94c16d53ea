package store

// IdentityColumnStatements returns the statements that move a user's rows to another
// identifier, which are composed at run time.
func IdentityColumnStatements() (all []string) {
	for _, c := range identityColumns {
		all = append(all, c.statements()...)
	}
	return all
}
