package passwd

import (
	"maps"
	"slices"
)

// SlowKinds returns the kinds of legacy digests that are slow by design, as a stored hash
// has them after "pre=".
func SlowKinds() []string {
	all := []string{"bcrypt"}
	for _, digest := range slices.Sorted(maps.Keys(legacyDigests)) {
		all = append(all, "pbkdf2-"+digest)
	}
	return all
}

// SlowHash reports whether Verify takes milliseconds longer for this hash than Dummy,
// because it contains a slow legacy digest. It returns false for a malformed hash.
func SlowHash(hash string) bool {
	st, err := parseHash(hash)
	if err != nil || st.pre == "" {
		return false
	}
	old, _ := parseScheme(st.pre) // parseHash has checked it
	return old.slow()
}
