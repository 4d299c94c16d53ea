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

// A generator makes one history after another, with a clock of its own.
type generator struct {
	db     *store.DB
	now    *time.Time // of db
	rand   *rand.Rand
	people *atomic.Int64 // of all generators
	crowd  []store.Depositor
}

// meet adds one more person, with a link and a session, and no attempts yet.
func (t *generator) meet() (store.Session, store.Account, error) {
	ctx := context.Background()
	if len(t.crowd) == 0 {
		last := int(t.people.Add(50))
		t.crowd = depositors(last-49, 50)
		if _, err := t.db.ImportDepositors(ctx, t.crowd); err != nil {
			return store.Session{}, store.Account{}, err
		}
	}
	d := t.crowd[0]
	t.crowd = t.crowd[1:]
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
	s, a, err := t.meet()
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

// freeze is 不是我: it locks nothing and opens nothing.
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

// unlock is an operator's: every scope is reset, and a frozen password stays frozen.
func (h *history) unlock() error {
	scopes, locked := h.clear()
	got, err := h.db.Unlock(context.Background(), store.OperatorRequest{AccountNo: h.account.Person.AccountNo, Operator: "0017", Reason: "asked at the counter"})
	if err == nil && (got.Scopes != scopes || got.Locked != locked) {
		err = fmt.Errorf("%d scopes, %d of them locked; the model says %d and %d", got.Scopes, got.Locked, scopes, locked)
	}
	return err
}

// reset is a reset by proven identity: every scope is reset, and the password is
// set, whatever it was before.
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
	_, err = h.db.FinishReset(ctx, h.session, store.NewPassword{Reset: r, Hash: "$argon2id$made-up", Fingerprint: id[:]})
	return err
}

// sees compares the account that an attempt found with the model.
func (h *history) sees(a *store.Account) error {
	if a == nil || a.ID != h.account.ID {
		return fmt.Errorf("found %v, not the person's account", a != nil)
	}
	if a.State != h.state || a.Version != h.account.Version {
		return fmt.Errorf("the password is %s in version %d, the model says %s in %d", a.State, a.Version, h.state, h.account.Version)
	}
	return nil
}
