package store_test

import (
	"strings"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// oldRows inserts rows that Purge deletes: n idempotency records, n spent auth codes and n
// ended sessions.
func oldRows(t testing.TB, db *store.DB, n int, old time.Time) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO idempotency_records (center_id, scope, key_digest, request_digest, run, lease_until, created_at)
			SELECT $1, sha256(i::text::bytea), sha256('k'), sha256('r'), gen_random_uuid(), $2::timestamptz, $2::timestamptz FROM generate_series(1, $3::int) i`,
		`INSERT INTO spent_values (center_id, value_digest, spent_at)
			SELECT $1, sha256(i::text::bytea), $2::timestamptz FROM generate_series(1, $3::int) i`,
		`INSERT INTO sessions (center_id, token_digest, provider, channel, identity_digest, sealed, created_at, seen_at)
			SELECT $1, sha256(i::text::bytea), 'alipay', 'alipay', sha256('i'), 'x', $2::timestamptz, $2::timestamptz FROM generate_series(1, $3::int) i`,
	} {
		_, err := storetest.ProbeOf(db).Exec(statement, storetest.Center, old, n)
		noError(t, err)
	}
}

// left returns the counts of the rows of oldRows, in its order.
func left(t *testing.T, db *store.DB) string {
	t.Helper()
	return list(t, storetest.ProbeOf(db), `SELECT concat_ws(' ', (SELECT count(*) FROM idempotency_records), (SELECT count(*) FROM spent_values), (SELECT count(*) FROM sessions))`)[0]
}

// onDelete runs a statement for each deleted row of a table.
func onDelete(t *testing.T, db *store.DB, table, statement string) {
	t.Helper()
	storetest.NeedPlain(t, "distributed tables have no triggers")
	storetest.ProbeOf(db).MustExec(`CREATE FUNCTION on_` + table + `() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + statement + ` RETURN OLD; END $$`)
	storetest.ProbeOf(db).MustExec(`CREATE TRIGGER on_delete BEFORE DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION on_` + table + `()`)
}

// An error with one kind does not stop the others, and names the kind.
func TestFailingKindStopsNoOther(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	oldRows(t, db, 10, time.Now().AddDate(-1, 0, 0))
	onDelete(t, db, "sessions", `RAISE EXCEPTION 'no';`)
	for name, purge := range map[string]func() error{
		"Purge":     func() error { return db.Operations().Purge(t.Context()) },
		"Retention": func() error { _, err := db.Operations().Retention(t.Context(), 1, false); return err },
	} {
		if err := purge(); err == nil || !strings.Contains(err.Error(), "sessions") {
			t.Errorf("%s: %v", name, err)
		}
		if got := left(t, db); got != "0 0 10" {
			t.Errorf("%s left %s", name, got)
		}
	}
}

// slow takes a hundredth of a second a row.
const slow = `PERFORM pg_sleep(0.01); INSERT INTO batches VALUES (pg_current_xact_id());`

// Rows that take too long for one transaction are deleted in smaller batches.
func TestSlowKindShrinks(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	oldRows(t, db, 200, time.Now().AddDate(-1, 0, 0))
	storetest.ProbeOf(db).MustExec(`CREATE TABLE batches (id xid8)`)
	onDelete(t, db, "idempotency_records", slow)
	db.SetBatchTime(time.Second)
	noError(t, db.Operations().Purge(t.Context()))
	if n := len(column(t, db, `SELECT DISTINCT id::text FROM batches`)); n < 2 {
		t.Errorf("%d batches", n)
	}
	if got := left(t, db); got != "0 0 0" {
		t.Errorf("left %s", got)
	}
}

// A batch whose commit exceeds its time is not an error: the commit goes on, and its rows
// are in use until then.
func TestSlowCommitOfABatch(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	oldRows(t, db, 200, time.Now().AddDate(-1, 0, 0))
	storetest.ProbeOf(db).MustExec(`CREATE TABLE batches (id xid8)`)
	onDelete(t, db, "idempotency_records", slow)
	storetest.ProbeOf(db).MustExec(`DROP TRIGGER on_delete ON idempotency_records`)
	storetest.ProbeOf(db).MustExec(`CREATE CONSTRAINT TRIGGER on_delete AFTER DELETE ON idempotency_records
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_idempotency_records()`)
	db.SetBatchTime(time.Second)
	noError(t, db.Operations().Purge(t.Context()))
	testenv.Eventually(t, "everything old is gone", func() bool { return left(t, db) == "0 0 0" })
}

// Old rows are deleted in batches that skip locked rows, and recent rows stay.
func TestPurgeSkipsLockedRows(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	oldRows(t, db, 4500, time.Now().AddDate(-1, 0, 0))
	storetest.ProbeOf(db).MustExec(`UPDATE idempotency_records SET created_at = $1 WHERE scope = sha256('7')`, time.Now())
	held, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer held.Rollback()
	held.MustExec(`SELECT 1 FROM sessions WHERE center_id = 'test' AND token_digest = sha256('4') FOR UPDATE`)
	noError(t, db.Operations().Purge(t.Context()))
	if got := left(t, db); got != "1 0 1" {
		t.Errorf("left %s", got)
	}
	noError(t, held.Rollback())
	noError(t, db.Operations().Purge(t.Context()))
	if got := left(t, db); got != "1 0 0" {
		t.Errorf("later %s", got)
	}
}

// No statement counts all hashes.
func TestHashesAreCountedInSteps(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	importAll(t, db, depositor(1, hashed), depositor(2, hashed), depositor(3, hashed), depositor(4))
	for step := range int64(4) {
		if n, err := db.CountHashesBy(t.Context(), step+1); err != nil || n != 3 {
			t.Errorf("in steps of %d: %d, %v", step+1, n, err)
		}
	}
}
