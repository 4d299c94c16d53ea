package store_test

import (
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A link is authorised at the time of its user's newest session, whichever session makes
// it, so an earlier cancellation does not end it.
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
	noError(t, db.AddLink(t.Context(), first, importedAccount(t, db, depositor(1)), nil))
	newest := column(t, db, `SELECT (authorised_at = (SELECT max(created_at) FROM sessions))::text
		FROM links WHERE authorised_at < linked_at`)
	if len(newest) != 1 || newest[0] != "true" {
		t.Errorf("authorised at the newest session: %v", newest)
	}
}
