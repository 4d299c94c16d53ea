package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys"
	"fundpass/store"
	"fundpass/store/storetest"
)

// An owner is a linked citizen with a session, in a centre of their own.
type owner struct {
	t       *testing.T
	db      *store.DB
	dsn     string
	now     *movedClock
	account store.Account
	session store.Session
}

type movedClock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *movedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *movedClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func newOwner(t *testing.T) *owner {
	t.Helper()
	key, err := keys.NewColumnKey()
	noError(t, err)
	cipher, err := keys.ParseColumnCipher(key)
	noError(t, err)
	o := &owner{t: t, dsn: storetest.Shared(t), now: new(movedClock)}
	o.db = storetest.Open(t, o.dsn, storetest.WithColumnCipher(cipher), storetest.WithNow(o.now.Now))
	d := depositor(1, hashed)
	importAll(t, o.db, d)
	o.account = importedAccount(t, o.db, d)
	o.session = o.signIn("owner", "first")
	noError(t, o.db.AddLink(t.Context(), o.session, o.account, nil))
	o.session = o.signIn("owner", "second")
	return o
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signIn opens a session of a user.
func (o *owner) signIn(user, token string) store.Session {
	o.t.Helper()
	s, err := o.db.OpenSession(o.t.Context(), store.ChannelAlipay, []byte(token), store.Visitor{
		Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: user},
	})
	noError(o.t, err)
	return s
}

// open opens a reset under a certify_id.
func (o *owner) open(certifyID string) (store.Reset, error) {
	return o.db.OpenReset(o.t.Context(), o.session, o.account, store.Reset{ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: certifyID})
}

// passed returns an open reset whose identity is proven.
func (o *owner) passed(certifyID string) store.Reset {
	o.t.Helper()
	r, err := o.open(certifyID)
	noError(o.t, err)
	noError(o.t, o.db.PassReset(o.t.Context(), o.session, r))
	return r
}

func (o *owner) finish(r store.Reset, password string) (store.Finished, error) {
	return o.db.FinishReset(o.t.Context(), o.session, r.ID, store.NewPassword{
		Hash: "$argon2id$" + password, Fingerprint: o.db.PasswordFingerprints(o.account, password)[0],
	})
}

func (o *owner) exec(statement string, args ...any) {
	o.t.Helper()
	_, err := storetest.ProbeOf(o.db).Exec(statement, args...)
	noError(o.t, err)
}

// A reset goes through its states in order, and is read back as it was stored.
func TestResetStates(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	r, err := o.open("certify-1")
	noError(t, err)
	got, err := o.db.Reset(ctx, o.session, r.ID)
	noError(t, err)
	if got.CertifyID != "certify-1" || got.State != store.ResetStarted || got.AccountID != o.account.ID || got.Kind != store.ResetByCertify {
		t.Errorf("kept %+v", got)
	}
	if _, err := o.finish(got, "a"); !errors.Is(err, store.ErrGone) {
		t.Errorf("finished before it passed: %v", err)
	}
	noError(t, o.db.PassReset(ctx, o.session, r))
	noError(t, o.db.PassReset(ctx, o.session, r))
	done, err := o.finish(r, "a")
	noError(t, err)
	got, err = o.db.Reset(ctx, o.session, r.ID)
	noError(t, err)
	if got.State != store.ResetDone || done.SessionsEnded != 1 || done.ClosedAt == nil || got.SessionsEnded != 1 || !got.ClosedAt.Equal(*done.ClosedAt) {
		t.Errorf("done %+v, kept %+v", done, got)
	}
	again, err := o.finish(r, "a")
	if err != nil || again.SessionsEnded != done.SessionsEnded || !again.ClosedAt.Equal(*done.ClosedAt) {
		t.Errorf("again %+v, %v", again, err)
	}
	if _, err := o.finish(r, "b"); !errors.Is(err, store.ErrGone) {
		t.Errorf("another password: %v", err)
	}
	if err := o.db.PassReset(ctx, o.session, r); !errors.Is(err, store.ErrGone) {
		t.Errorf("passed after the end: %v", err)
	}
	after := importedAccount(t, o.db, depositor(1, hashed))
	if after.Version != o.account.Version+1 || after.State != store.PasswordSet || after.Hash != "$argon2id$a" {
		t.Errorf("credential %+v", after)
	}
	used, others, err := o.db.PasswordUsed(ctx, after, o.db.PasswordFingerprints(after, "a"), 2)
	if err != nil || used || !slices.Equal(others, []string{o.account.Hash}) {
		t.Errorf("history: %v, %d hashes, %v", used, len(others), err)
	}
}

// T45: a certify_id opens one reset and never another.
func TestCertifyIDOnce(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	first, err := o.open("certify-1")
	noError(t, err)
	_, err = o.db.CancelReset(t.Context(), o.session, first.ID)
	noError(t, err)
	if _, err := o.open("certify-1"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("again: %v", err)
	}
	if _, err := o.open("certify-2"); err != nil {
		t.Errorf("another one: %v", err)
	}
}

// Another session, another user and a link to another account find no reset.
func TestResetOfAnother(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	r := o.passed("certify-1")
	other := o.session
	other.TokenDigest = []byte("third")
	thief := o.session
	thief.IdentityDigest = []byte("thief")
	moved := o.session
	moved.Link = &store.Link{AccountID: uuid.New(), PersonDigest: o.session.Link.PersonDigest}
	for name, s := range map[string]store.Session{"another session": other, "another user": thief, "another account": moved} {
		if _, err := o.db.Reset(ctx, s, r.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s reads: %v", name, err)
		}
		if _, err := o.db.FinishReset(ctx, s, r.ID, store.NewPassword{Hash: "h", Fingerprint: []byte("f")}); !errors.Is(err, store.ErrGone) {
			t.Errorf("%s finishes: %v", name, err)
		}
		if _, err := o.db.CancelReset(ctx, s, r.ID); !errors.Is(err, store.ErrGone) {
			t.Errorf("%s cancels: %v", name, err)
		}
		if err := o.db.PassReset(ctx, s, r); name != "another account" && !errors.Is(err, store.ErrGone) {
			t.Errorf("%s passes: %v", name, err)
		}
	}
	if _, err := o.db.OpenReset(ctx, thief, o.account, store.Reset{ID: uuid.New(), Kind: store.ResetByCertify, CertifyID: "x"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a user without a link opens: %v", err)
	}
	if _, err := o.finish(r, "a"); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

// A person has one open reset: another user who was linked in between is refused.
func TestOneOpenReset(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	r := o.passed("certify-1")
	o.exec(`UPDATE resets SET identity_digest = '\x01'`)
	if _, err := o.open("certify-2"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("beside another user's: %v", err)
	}
	o.now.add(store.ResetLife + time.Second)
	if _, err := o.open("certify-3"); err != nil {
		t.Errorf("after it expired: %v", err)
	}
	o.exec(`UPDATE resets SET identity_digest = $1 WHERE reset_id = $2`, o.session.IdentityDigest, r.ID)
	if got, err := o.db.Reset(t.Context(), o.session, r.ID); err != nil || got.State != store.ResetExpired {
		t.Errorf("%+v, %v", got, err)
	}
}

// Time, a change, the centre and an unlink can each stop a reset; a freeze by the owner cannot.
func TestResetStopped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stop func(*owner)
		want error
	}{
		"too late":             {func(o *owner) { o.now.add(store.ResetLife + time.Second) }, store.ErrGone},
		"changed elsewhere":    {func(o *owner) { o.exec(`UPDATE password_credentials SET version = version + 1`) }, store.ErrConflict},
		"frozen by the centre": {func(o *owner) { o.exec(`UPDATE accounts SET status = '06'`) }, store.ErrBlocked},
		"closed":               {func(o *owner) { o.exec(`UPDATE accounts SET status = '05'`) }, store.ErrBlocked},
		"frozen by the owner":  {func(o *owner) { o.exec(`UPDATE password_credentials SET state = 'frozen'`) }, nil},
		"must change":          {func(o *owner) { o.exec(`UPDATE password_credentials SET state = 'must_change'`) }, nil},
		"unlinked":             {func(o *owner) { noError(o.t, o.db.RemoveLink(o.t.Context(), o.session)) }, store.ErrGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOwner(t)
			r := o.passed("certify-1")
			c.stop(o)
			if _, err := o.finish(r, "a"); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A reset ends the locks of every scope of the person, and of nobody else.
func TestResetClearsScopes(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	ctx := t.Context()
	fail := func(person, scope []byte) bool {
		a, err := failedAttempt(ctx, o.db, store.AttemptRequest{PersonDigest: person, Scope: scope, Policy: tiers})
		noError(t, err)
		return a.Admitted
	}
	for range 4 {
		for _, scope := range [][]byte{store.PublicScope, o.session.IdentityDigest} {
			fail(o.account.PersonDigest, scope)
		}
		fail([]byte("somebody else"), store.PublicScope)
	}
	_, err := o.finish(o.passed("certify-1"), "a")
	noError(t, err)
	if !fail(o.account.PersonDigest, store.PublicScope) || !fail(o.account.PersonDigest, o.session.IdentityDigest) {
		t.Error("a scope is locked after the reset")
	}
	if fail([]byte("somebody else"), store.PublicScope) {
		t.Error("somebody else's lock was opened")
	}
}

// A reset cancels the person's open change.
func TestResetCancelsChange(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	change, err := o.db.OpenChange(t.Context(), o.session, o.account, []byte("old"))
	noError(t, err)
	_, err = o.finish(o.passed("certify-1"), "a")
	noError(t, err)
	if got, err := o.db.Change(t.Context(), o.session, change.ID); err != nil || got.State != store.ChangeCancelled {
		t.Errorf("%+v, %v", got, err)
	}
}

// A reset waits for a change that is being opened, so that it finds and cancels it.
func TestFinishResetAwaitsOpening(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	r := o.passed("certify-1")
	opening, err := storetest.ProbeOf(o.db).Beginx()
	noError(t, err)
	defer opening.Rollback()
	center, _ := storetest.CenterOf(o.dsn)
	_, err = opening.Exec(`SELECT 1 FROM links WHERE center_id = $1 FOR UPDATE`, center) // as OpenChange begins
	noError(t, err)
	finished := make(chan error, 1)
	go func() {
		_, err := o.finish(r, "a")
		finished <- err
	}()
	awaitWaiting(t, o.db, 1, opening)
	noError(t, opening.Commit())
	noError(t, <-finished)
}

// Of a hundred concurrent finishes one succeeds, and the version grows by one.
func TestFinishResetOnce(t *testing.T) {
	t.Parallel()
	o := newOwner(t)
	r := o.passed("certify-1")
	won := make(chan string, 100)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			password := fmt.Sprint(i)
			switch _, err := o.finish(r, password); {
			case err == nil:
				won <- password
			case !errors.Is(err, store.ErrGone):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	after := importedAccount(t, o.db, depositor(1, hashed))
	if len(won) != 1 || after.Version != o.account.Version+1 || after.Hash != "$argon2id$"+<-won {
		t.Errorf("%d won, version %d", len(won), after.Version)
	}
}
