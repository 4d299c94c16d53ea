package passwd

import (
	"maps"
	"slices"
)

// SlowKinds are the kinds of legacy digests that are slow by design, as they
// stand in a stored hash after "pre=".
func SlowKinds() []string {
	all := []string{"bcrypt"}
	for _, digest := range slices.Sorted(maps.Keys(legacyDigests)) {
		all = append(all, "pbkdf2-"+digest)
	}
	return all
}

// SlowHash reports whether Verify takes milliseconds longer for this hash than
// Dummy does, because a slow legacy digest lies in it. A malformed hash is none.
func SlowHash(hash string) bool {
	st, err := parseHash(hash)
	if err != nil || st.pre == "" {
		return false
	}
	old, _ := parseScheme(st.pre) // parseHash did it before
	return old.slow()
}
