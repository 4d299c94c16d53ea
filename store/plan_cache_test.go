package store_test

import (
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/storetest"
)

// Where the citus extension is, no generic plan is forced: no shard follows from a
// parameter there. Everywhere else plans are made once a connection.
func TestGenericPlansOnPlainServersOnly(t *testing.T) {
	t.Parallel()
	storetest.Server(t) // without the extension
	dsn := storetest.DSN(t)
	mode := func(dsn string) (mode string) {
		t.Helper()
		noError(t, storetest.Open(t, dsn).InTx(t.Context(), func(tx *sqlx.Tx, _ time.Time) error {
			return tx.Get(&mode, `SHOW plan_cache_mode`)
		}))
		return mode
	}
	if got := mode(dsn); got != "force_generic_plan" {
		t.Errorf("plain server: %s", got)
	}
	storetest.ProbeOf(storetest.Open(t, dsn)).MustExec(`
		INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
		VALUES (16000, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2-1')`)
	if got := mode(dsn); got != "auto" {
		t.Errorf("distributed server: %s", got)
	}
	if got := mode(dsn + " plan_cache_mode=force_custom_plan"); got != "force_custom_plan" {
		t.Errorf("the connection string's own: %s", got)
	}
}

// A link is as old as the newest session of its Alipay user, whichever session makes
// it: a cancellation from before that moment does not end it.
func TestLinkIsAuthorisedByTheNewestSession(t *testing.T) {
	t.Parallel()
	var clock movedClock
	db := storetest.New(t, storetest.WithNow(clock.Now))
	importAll(t, db, depositor(1))
	somebody := store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "somebody"}}
	first, err := db.OpenSession(t.Context(), store.ChannelAlipay, []byte("first"), somebody)
	noError(t, err)
	clock.add(time.Minute)
	_, err = db.OpenSession(t.Context(), store.ChannelAlipay, []byte("second"), somebody)
	noError(t, err)
	clock.add(time.Minute)
	noError(t, db.AddLink(t.Context(), first, importedAccount(t, db, depositor(1))))
	newest := column(t, db, `SELECT (authorised_at = (SELECT max(created_at) FROM sessions))::text
		FROM links WHERE authorised_at < linked_at`)
	if len(newest) != 1 || newest[0] != "true" {
		t.Errorf("authorised by the newest session: %v", newest)
	}
}
