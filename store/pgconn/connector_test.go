package pgconn_test

import (
	"testing"

	"fundpass/store/pgconn"
	"fundpass/store/storetest"
)

func TestSessionSettings(t *testing.T) {
	t.Parallel()
	dsn := storetest.Shared(t)
	show := func(dsn string) string {
		var v string
		if err := openPool(t, dsn).DB().Get(&v, `SHOW idle_in_transaction_session_timeout`); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := show(dsn); v != "10s" {
		t.Errorf("got %s", v)
	}
	if v := show(dsn + " idle_in_transaction_session_timeout=7s"); v != "7s" {
		t.Errorf("setting of the connection string overridden: %s", v)
	}
}

// Generic plans are not forced if the citus extension is installed, because it finds the
// shard by the parameters.
func TestGenericPlansOnPlainServersOnly(t *testing.T) {
	t.Parallel()
	storetest.NeedOwnServer(t, "it pretends to have the extension")
	dsn := storetest.DSN(t)
	mode := func(dsn string) (mode string) {
		t.Helper()
		noError(t, openPool(t, dsn).InTx(t.Context(), func(tx *pgconn.Tx) error {
			return tx.Get(&mode, `SHOW plan_cache_mode`)
		}))
		return mode
	}
	if got := mode(dsn); got != "force_generic_plan" {
		t.Errorf("plain server: %s", got)
	}
	storetest.Probe(t, dsn).MustExec(`
		INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
		VALUES (16000, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2-1')`)
	if got := mode(dsn); got != "auto" {
		t.Errorf("distributed server: %s", got)
	}
	if got := mode(dsn + " plan_cache_mode=force_custom_plan"); got != "force_custom_plan" {
		t.Errorf("setting of the connection string overridden: %s", got)
	}
}
