package store

// IdentityColumnStatements returns the statements that move a citizen's rows to another identifier,
// which are composed when they run.
func IdentityColumnStatements() (all []string) {
	for _, c := range identityColumns {
		all = append(all, c.statements()...)
	}
	return all
}
