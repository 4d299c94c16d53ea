package store_test

import (
	"testing"

	"fundpass/store"
	"fundpass/store/storetest"
)

// An account's notices may be addressed to its former holder. The former holder's data is
// neither shown to the next holder nor erased with the next holder's.
func TestFormerHolder(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	ctx := t.Context()
	former := createPersonRows(t, db, 1)
	next := former
	moved(&next)
	importAll(t, db, next)
	back, err := db.OpenSession(ctx, store.ChannelAlipay, []byte("back"), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: appOf(t, db), Kind: "open_id", Value: "second-of-1"}})
	noError(t, err)
	noError(t, db.BindPhone(ctx, back, store.PhoneProof{Payload: []byte("payload1"), Mobile: former.Person.Phone}))
	s := linkedSession(t, db, "next", importedAccount(t, db, next))

	own, err := db.OwnData(ctx, s)
	noError(t, err)
	if len(own.Sessions) != 1 || own.Sessions[0].Phone != "" {
		t.Errorf("sessions shown to the next holder: %+v", own.Sessions)
	}
	data, err := db.Operations().Export(ctx, operatorRequest(next))
	noError(t, err)
	if len(data.Sessions) != 1 || len(data.Consents) != 0 || len(data.PhoneProofs) != 0 {
		t.Errorf("exported: sessions %+v, consents %+v, phones %v", data.Sessions, data.Consents, data.PhoneProofs)
	}
	_, err = db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(next)})
	noError(t, err)
	if _, err := db.Session(ctx, back.TokenDigest); err != nil {
		t.Errorf("former holder's session: %v", err)
	}
	if consents, err := db.Consents(ctx, back); err != nil || len(consents) != 1 {
		t.Errorf("former holder's consents: %v, %v", consents, err)
	}
	if _, err := db.Session(ctx, s.TokenDigest); err == nil {
		t.Error("session of the erased holder not erased")
	}
}
