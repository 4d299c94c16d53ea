package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fundpass/store/storetest"
)

// CostliestHashes finds the costliest hash of each kind of slow digest among cheaper ones
// and native hashes.
func TestCostliestHashes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	hash := func(kid, pre string) string { return "$argon2id$v=19$m=64,t=1,p=1,kid=" + kid + pre + "$c2FsdA$dGFn" }
	all := []string{
		hash("1", ""), hash("1", ",pre=md5"), hash("1", ",pre=md5-before:cGluY2g"),
		hash("1", ",pre=bcrypt:9:c2FsdA"), hash("1.2", ",pre=bcrypt:12:c2FsdA"), hash("1", ",pre=bcrypt:10:c2FsdA"),
		hash("1", ",pre=pbkdf2-sha256:9000:32:c2FsdA"), hash("1", ",pre=pbkdf2-sha256:260000:32:c2FsdA"),
		hash("1", ",pre=pbkdf2-sm3:20000:32:c2FsdA"),
	}
	kinds := []string{"bcrypt", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sm3"}
	found := func() []string {
		t.Helper()
		got, err := db.CostliestHashes(t.Context(), kinds)
		noError(t, err)
		slices.Sort(got)
		return got
	}
	if got := found(); len(got) != 0 {
		t.Errorf("found %v without accounts", got)
	}
	for i, h := range all {
		d := depositor(i+1, hashed)
		d.Hash = h
		importAll(t, db, d)
	}
	want := []string{all[4], all[7], all[8]}
	slices.Sort(want)
	if d := cmp.Diff(want, found()); d != "" {
		t.Error(d)
	}
	var plan []string
	noError(t, db.InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
		if _, err := tx.Exec(`SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		return tx.Select(&plan, `EXPLAIN SELECT hash FROM password_credentials
		WHERE center_id = 'test' AND kind = 'password' AND (hash LIKE '%,pre=bcrypt:%' OR hash LIKE '%,pre=pbkdf2-%')
			AND substring(hash FROM ',pre=(bcrypt|pbkdf2-[a-z0-9]+):') = 'bcrypt'
		ORDER BY (substring(hash FROM ',pre=[a-z0-9-]+:([0-9]{1,9})')::integer) DESC LIMIT 1`)
	}))
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "password_credentials_costly") || strings.Contains(text, "Sort") {
		t.Errorf("plan reads more than one index entry:\n%s", text)
	}
}
