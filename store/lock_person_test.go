package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A generator makes histories with one clock.
type generator struct {
	db     *store.DB
	now    *time.Time // of db
	rand   *rand.Rand
	people *atomic.Int64 // of all generators
	unused []store.Depositor
}

// newPerson adds a person with a link, a session and no attempts.
func (t *generator) newPerson() (store.Session, store.Account, error) {
	ctx := context.Background()
	if len(t.unused) == 0 {
		last := int(t.people.Add(50))
		t.unused = depositors(last-49, 50)
		if _, err := t.db.Roster().ImportDepositors(ctx, t.unused); err != nil {
			return store.Session{}, store.Account{}, err
		}
	}
	d := t.unused[0]
	t.unused = t.unused[1:]
	account, err := t.db.AccountByNumber(ctx, d.Person.AccountNo)
	if err != nil {
		return store.Session{}, store.Account{}, err
	}
	signIn := func(token string) (store.Session, error) {
		return t.db.OpenSession(ctx, store.ChannelAlipay, []byte(token+d.Person.AccountNo), store.Visitor{
			Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: d.Person.AccountNo},
		})
	}
	s, err := signIn("before")
	if err == nil {
		err = t.db.AddLink(ctx, s, account, nil)
	}
	if err == nil {
		s, err = signIn("after")
	}
	return s, account, err
}

// begin returns a history of a new person.
func (t *generator) begin() (*history, error) {
	*t.now = time.Date(2026, 3, 1, t.rand.IntN(24), t.rand.IntN(60), 0, 0, time.UTC)
	s, a, err := t.newPerson()
	if err != nil {
		return nil, err
	}
	h := &history{db: t.db, now: t.now, rand: t.rand, person: a.PersonDigest, session: s, account: a, state: a.State,
		policy: policyNames[t.rand.IntN(len(policyNames))], scope: modelScopes[0], model: lockModel{}}
	for _, scope := range modelScopes {
		h.model[scope] = new(scopeModel)
	}
	return h, nil
}

// freeze freezes the password and changes no counter.
func (h *history) freeze() error {
	h.state = store.PasswordFrozen
	return h.db.Freeze(context.Background(), h.session)
}

// clear resets every scope, and returns how many had failed attempts or a lock, and how many
// were locked.
func (h *history) clear() (scopes, locked int) {
	for _, l := range h.model {
		if l.attempts > 0 || l.tier > 0 || !l.until.IsZero() {
			scopes++
		}
		if l.until.After(*h.now) {
			locked++
		}
		l.clear()
	}
	return scopes, locked
}

// unlock is Operations.Unlock: every scope is reset, and a frozen password stays frozen.
func (h *history) unlock() error {
	scopes, locked := h.clear()
	got, err := h.db.Operations().Unlock(context.Background(), store.OperatorRequest{AccountNo: h.account.Person.AccountNo, Operator: "0017", Reason: "asked at the counter"})
	if err == nil && (got.Scopes != scopes || got.Locked != locked) {
		err = fmt.Errorf("%d scopes, %d of them locked; the model has %d and %d", got.Scopes, got.Locked, scopes, locked)
	}
	return err
}

// reset is a password reset: every scope is reset, and the password is set whatever its
// state.
func (h *history) reset() error {
	ctx := context.Background()
	id := uuid.New()
	r, err := h.db.OpenReset(ctx, h.session, h.account, store.Reset{ID: id, Kind: store.ResetByCertify, CertifyID: id.String()})
	if err != nil {
		return err
	}
	if err := h.db.PassReset(ctx, h.session, r); err != nil {
		return err
	}
	h.clear()
	h.state = store.PasswordSet
	h.account.Version++
	_, err = h.db.FinishReset(ctx, h.session, r.ID, store.NewPassword{Hash: "$argon2id$made-up", Fingerprint: id[:]})
	return err
}

// sees compares the account of an attempt with the model.
func (h *history) sees(a *store.Account) error {
	if a == nil || a.ID != h.account.ID {
		return fmt.Errorf("account found: %v, not the person's", a != nil)
	}
	if a.State != h.state || a.Version != h.account.Version {
		return fmt.Errorf("password is %s in version %d; the model has %s in %d", a.State, a.Version, h.state, h.account.Version)
	}
	return nil
}
