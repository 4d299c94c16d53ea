package store_test

import (
	"errors"
	"testing"
	"time"

	"fundpass/store"
	"fundpass/store/storetest"
)

// otherProvider returns an identity with the same value as byOpen from another provider.
func otherProvider(n int) store.Identity {
	id := byOpen(n)
	id.Provider = "another"
	return id
}

// A person has one link of each provider. Changes to one do not affect the other.
func TestOneLinkOfEachProvider(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositors(0, 2)...)
	account, others := importedAccount(t, db, depositor(0)), importedAccount(t, db, depositor(1))
	first, second := linkedAs(t, db, byOpen(1), account), linkedAs(t, db, otherProvider(1), account)
	if first.Provider != store.ProviderAlipay || second.Provider != "another" || second.Owns(first.IdentityDigest) {
		t.Errorf("sessions of %q and %q, of one identity: %v", first.Provider, second.Provider, second.Owns(first.IdentityDigest))
	}
	for _, id := range []store.Identity{byOpen(2), otherProvider(2)} {
		if err := db.AddLink(t.Context(), opened(t, db, id), account, nil); !errors.Is(err, store.ErrConflict) {
			t.Errorf("second link of %s: %v", id.Provider, err)
		}
	}
	if err := db.AddLink(t.Context(), opened(t, db, otherProvider(1)), others, nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("second person: %v", err)
	}
	noError(t, db.RemoveLink(t.Context(), first))
	if s := reload(t, db, first); s.Link != nil {
		t.Error("link not removed")
	}
	if s := reload(t, db, second); s.Link == nil || s.Link.AccountID != account.ID {
		t.Errorf("link of the other provider: %+v", s.Link)
	}
	_, err := db.Inbox().WithdrawAuthorisation(t.Context(), store.Cancellation{Channel: store.ChannelAlipay, Identity: byOpen(1), At: time.Now().Add(time.Minute)})
	noError(t, err)
	if s := reload(t, db, second); s.Link == nil {
		t.Error("withdrawal at one provider ended the link of another")
	}
}

// Whatever ends an account's or a person's links ends those of all providers, and an import
// plan counts each account once.
func TestLinksOfAllProvidersEnd(t *testing.T) {
	t.Parallel()
	closed := func(d *store.Depositor) { d.Status = store.StatusClosed }
	taken := func(change func(*store.Depositor)) func(t *testing.T, db *store.DB) {
		return func(t *testing.T, db *store.DB) {
			plan, _ := compareFile(t, db, []store.Depositor{depositor(0, change)})
			if want := (store.Plan{Links: 2, LinksEnded: 2, ChangesCancelled: 1}); plan != want {
				t.Errorf("plan: %+v", plan)
			}
			if c := importAll(t, db, depositor(0, change)); c.LinksEnded != 2 || c.ChangesCancelled != 1 {
				t.Errorf("imported: %+v", c)
			}
		}
	}
	for name, end := range map[string]func(t *testing.T, db *store.DB){
		"the account is closed":           taken(closed),
		"the account is another person's": taken(moved),
		"an erasure": func(t *testing.T, db *store.DB) {
			_, err := db.Operations().Erase(t.Context(), store.Erasure{OperatorRequest: operatorRequest(depositor(0))})
			noError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			importAll(t, db, depositor(0))
			account := importedAccount(t, db, depositor(0))
			both := []store.Session{linkedAs(t, db, byOpen(1), account), linkedAs(t, db, otherProvider(1), account)}
			_, err := db.OpenChange(t.Context(), both[1], account, []byte("old"))
			noError(t, err)
			if plan, _ := compareFile(t, db, nil); plan.Links != 2 || plan.Missing != 1 || plan.MissingLinked != 1 {
				t.Errorf("plan of an empty file: %+v", plan)
			}
			end(t, db)
			for _, s := range both {
				if _, err := db.Session(t.Context(), s.TokenDigest); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("session of %s: %v", s.Provider, err)
				}
			}
			if plan, _ := compareFile(t, db, nil); plan.Links != 0 {
				t.Errorf("%d links not ended", plan.Links)
			}
		})
	}
}
