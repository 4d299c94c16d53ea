package store

// CarrierStatements are those that move a citizen's rows to another identifier, which
// are put together when they run.
func CarrierStatements() (all []string) {
	for _, c := range carriers {
		all = append(all, c.statements()...)
	}
	return all
}
