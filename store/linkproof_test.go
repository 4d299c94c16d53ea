package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// wait opens a link proof.
func (o *owner) wait(s store.Session, a store.Account, certifyID string) (store.LinkProof, error) {
	return o.db.OpenLinkProof(o.t.Context(), s, a, store.LinkProof{
		ID: uuid.New(), Scope: store.PublicScope, Kind: store.ResetByCertify, CertifyID: certifyID,
	})
}

// unlinked returns a second account of the owner's centre.
func (o *owner) unlinked() store.Account {
	o.t.Helper()
	d := depositor(2, hashed)
	importAll(o.t, o.db, d)
	return importedAccount(o.t, o.db, d)
}

// A proof is returned to the session that began it and to no other.
func TestLinkProof(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx, a := t.Context(), o.unlinked()
	s, other := o.signIn("visitor", "v1"), o.signIn("visitor", "v2")
	p, err := o.wait(s, a, "certify-1")
	noError(t, err)
	got, err := o.db.LinkProof(ctx, s, p.ID)
	noError(t, err)
	if got.CertifyID != "certify-1" || got.State != store.LinkProofStarted || got.AccountID != a.ID || string(got.Scope) != "public" || got.CredentialVersion != a.Version {
		t.Errorf("stored %+v", got)
	}
	for name, stranger := range map[string]store.Session{"another session": other, "another user": o.session} {
		if _, err := o.db.LinkProof(ctx, stranger, p.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s reads it: %v", name, err)
		}
		if err := o.db.FinishLink(ctx, stranger, a, got, nil); !errors.Is(err, store.ErrGone) {
			t.Errorf("%s finishes it: %v", name, err)
		}
	}
	if _, err := o.wait(s, a, "certify-1"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("certify_id accepted twice: %v", err)
	}
	second, err := o.wait(other, a, "certify-2")
	noError(t, err)
	if got, err = o.db.LinkProof(ctx, s, p.ID); err != nil || got.State != store.LinkProofReplaced {
		t.Errorf("first proof is %s, %v", got.State, err)
	}
	o.now.add(store.LinkProofLife)
	if got, err = o.db.LinkProof(ctx, other, second.ID); err != nil || got.State != store.LinkProofExpired {
		t.Errorf("late proof is %s, %v", got.State, err)
	}
	if err := o.db.FinishLink(ctx, other, a, second, nil); !errors.Is(err, store.ErrGone) {
		t.Errorf("finished late: %v", err)
	}
	o.now.add(91 * 24 * time.Hour)
	noError(t, o.db.Operations().Purge(ctx))
	if _, err := o.db.LinkProof(ctx, other, second.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("not purged: %v", err)
	}
}

// A link that fails leaves the proof as it was; one that succeeds uses it up.
func TestFinishLink(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	s := o.signIn("visitor", "v1")
	taken, err := o.wait(s, o.account, "certify-1") // the owner's account
	noError(t, err)
	if err := o.db.FinishLink(ctx, s, o.account, taken, nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("linked account linked again: %v", err)
	}
	if got, err := o.db.LinkProof(ctx, s, taken.ID); err != nil || got.State != store.LinkProofStarted {
		t.Errorf("proof is %s, %v", got.State, err)
	}
	a := o.unlinked()
	if err := o.db.FinishLink(ctx, s, a, taken, nil); !errors.Is(err, store.ErrGone) {
		t.Errorf("proof accepted for another account: %v", err)
	}
	p, err := o.wait(s, a, "certify-2")
	noError(t, err)
	stale := p
	stale.CredentialVersion++
	if err := o.db.FinishLink(ctx, s, a, stale, nil); !errors.Is(err, store.ErrGone) {
		t.Errorf("linked with an outdated password: %v", err)
	}
	var wg sync.WaitGroup
	won := make(chan error, 20)
	for range 20 {
		wg.Go(func() { won <- o.db.FinishLink(ctx, s, a, p, nil) })
	}
	wg.Wait()
	close(won)
	links := 0
	for err := range won {
		switch {
		case err == nil:
			links++
		case !errors.Is(err, store.ErrGone):
			t.Error(err)
		}
	}
	if links != 1 {
		t.Errorf("%d callers succeeded, want 1", links)
	}
	after, err := o.db.Session(ctx, s.TokenDigest)
	noError(t, err)
	if after.Link == nil || after.Link.AccountID != a.ID {
		t.Errorf("linked to %+v", after.Link)
	}
}

// A user with a verified face is not linked if the account belongs to another person by
// then, and is linked when the centre has corrected it.
func TestFinishLinkOfAnothersAccount(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx, d := t.Context(), depositor(2, hashed)
	s := o.signIn("visitor", "v1")
	p, err := o.wait(s, o.unlinked(), "certify-1")
	noError(t, err)
	given := d
	moved(&given)
	for _, tt := range []struct {
		file store.Depositor
		want error
	}{{given, store.ErrGone}, {d, nil}} {
		importAll(t, o.db, tt.file)
		now, err := o.db.LinkedAccount(ctx, p.AccountID)
		noError(t, err)
		if err := o.db.FinishLink(ctx, s, now, p, nil); !errors.Is(err, tt.want) {
			t.Errorf("got %v, want %v", err, tt.want)
		}
	}
}

// Starts for links are counted separately from resets, exactly, by person and by user.
func TestChargeLinkProof(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	person := func(n int) []byte { return o.db.PersonDigest(fmt.Appendf(nil, "%d", n)) }
	two := store.StartLimit{User: 2, Person: 2}
	_, err := o.db.ChargeLinkProof(ctx, o.session, person(1), two)
	noError(t, err)
	start, err := o.db.ChargeLinkProof(ctx, o.session, person(2), two)
	noError(t, err)
	if _, err := o.db.ChargeLinkProof(ctx, o.session, person(3), two); !errors.Is(err, store.ErrLimit) {
		t.Errorf("third start of one user: %v", err)
	}
	_, err = o.db.ChargeReset(ctx, o.session, 1)
	noError(t, err)
	noError(t, o.db.ReleaseStart(ctx, start))
	_, err = o.db.ChargeLinkProof(ctx, o.session, person(3), two)
	noError(t, err)
	other, third := o.signIn("another", "a1"), o.signIn("third", "t1")
	_, err = o.db.ChargeLinkProof(ctx, other, person(1), two)
	noError(t, err)
	if _, err := o.db.ChargeLinkProof(ctx, third, person(1), two); !errors.Is(err, store.ErrLimit) {
		t.Errorf("third start for one person: %v", err)
	}
	_, err = o.db.ChargeLinkProof(ctx, third, person(1), store.StartLimit{User: 2}) // proven, so others' starts do not count
	noError(t, err)
	_, err = o.db.ChargeLinkProof(ctx, third, person(4), two)
	noError(t, err)
}

// The latest consent counts, and earlier ones are kept.
func TestConsents(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	give := func(s store.Session, version string) {
		t.Helper()
		noError(t, o.db.GiveConsents(ctx, s, []store.Consent{{Purpose: "face", Version: version, How: store.ConsentAsked}}))
		o.now.add(time.Second)
	}
	latest := func(s store.Session) store.Consent {
		t.Helper()
		all, err := o.db.Consents(ctx, s)
		noError(t, err)
		return all["face"]
	}
	other := o.signIn("another", "a1")
	give(o.session, "1")
	first := latest(o.session)
	give(o.session, "1")
	if again := latest(o.session); !again.GivenAt.Equal(first.GivenAt) || again.WithdrawnAt != nil {
		t.Errorf("given again: %+v", again)
	}
	give(o.session, "2")
	if c := latest(o.session); c.Version != "2" || c.WithdrawnAt != nil {
		t.Errorf("in a new version: %+v", c)
	}
	if c := latest(other); c.Version != "" {
		t.Errorf("another user's: %+v", c)
	}
	noError(t, o.db.WithdrawConsent(ctx, o.session, "face", "2"))
	o.now.add(time.Second)
	gone := latest(o.session)
	if gone.WithdrawnAt == nil {
		t.Errorf("withdrawn: %+v", gone)
	}
	noError(t, o.db.WithdrawConsent(ctx, o.session, "face", "2"))
	if c := latest(o.session); !c.WithdrawnAt.Equal(*gone.WithdrawnAt) {
		t.Errorf("withdrawn twice: %+v", c)
	}
	give(o.session, "1")
	if c := latest(o.session); c.WithdrawnAt != nil || c.Version != "1" {
		t.Errorf("given after all: %+v", c)
	}
	noError(t, o.db.WithdrawConsent(ctx, other, "face", "2"))
	if c := latest(other); c.How != store.ConsentRefused || c.WithdrawnAt == nil {
		t.Errorf("refused: %+v", c)
	}
	db := storetest.ProbeOf(o.db)
	var rows, open int
	noError(t, db.QueryRow(`SELECT count(*), count(*) FILTER (WHERE withdrawn_at IS NULL) FROM consents`).Scan(&rows, &open))
	if rows != 4 || open != 1 {
		t.Errorf("%d consents on record, %d open; want 4 and 1", rows, open)
	}
}
