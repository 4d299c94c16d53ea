package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A moveRace is a user who is moved to an open_id.
type moveRace struct {
	t        *testing.T
	one, two *store.DB // two processes
	rng      *rand.Rand
	n        int
	account  store.Account
	owner    *store.Session // linked by user_id
	comer    store.Session  // of the same user, from before the link
	change   store.Change   // open
}

func newMoveRace(t *testing.T, one, two *store.DB, n int) *moveRace {
	r := &moveRace{t: t, one: one, two: two, rng: rand.New(rand.NewPCG(11, uint64(n))), n: n}
	importAll(t, one, depositor(n, hashed))
	r.account = importedAccount(t, one, depositor(n))
	r.comer = opened(t, two, byUser(n))
	if n%3 > 0 {
		s := linkedAs(t, one, byUser(n), r.account)
		r.owner = &s
		if n%2 == 0 {
			var err error
			r.change, err = two.OpenChange(t.Context(), s, r.account, []byte("old print"))
			noError(t, err)
		}
	}
	return r
}

func (r *moveRace) expect(err error, answers ...error) {
	for _, a := range append(answers, store.ErrConflict, store.ErrNotFound, store.ErrRenamed) {
		if errors.Is(err, a) {
			return
		}
	}
	if err != nil {
		r.t.Error(err)
	}
}

func (r *moveRace) open(db *store.DB, id store.Identity) {
	_, err := db.OpenSession(context.Background(), store.ChannelAlipay, []byte(uuid.NewString()), store.Visitor{Identity: id})
	r.expect(err)
}

// run runs the command twice, sign-ins of every kind and the user's requests concurrently.
func (r *moveRace) run() {
	ctx := context.Background()
	var all sync.WaitGroup
	all.Go(func() { r.act(ctx, r.rng.IntN(6)) })
	if r.n%4 == 0 { // let the user start first, or some requests never win
		all.Wait()
	}
	for _, db := range []*store.DB{r.one, r.two} {
		all.Go(func() {
			_, err := db.Roster().MoveToOpenID(ctx, []store.Identity{both(r.n), both(r.n + 100000)}, false)
			r.expect(err)
		})
	}
	all.Go(func() { r.open(r.one, both(r.n)) })
	all.Go(func() { r.open(r.two, byUser(r.n)) })
	all.Wait()
}

func (r *moveRace) act(ctx context.Context, what int) {
	switch {
	case r.owner == nil:
		r.expect(r.two.AddLink(ctx, r.comer, r.account, nil))
	case what == 0:
		r.expect(r.two.RemoveLink(ctx, *r.owner))
	case what == 1:
		r.expect(r.one.Freeze(ctx, *r.owner))
	case what == 2:
		_, err := r.one.Inbox().WithdrawAuthorisation(ctx, store.Cancellation{Channel: store.ChannelAlipay, Identity: byUser(r.n), At: time.Now().Add(time.Second)})
		r.expect(err)
	case what == 3:
		closed := depositor(r.n, hashed)
		closed.Status = store.StatusClosed
		_, err := r.two.Roster().ImportDepositors(ctx, []store.Depositor{closed})
		r.expect(err)
	default:
		if r.n%2 == 1 {
			_, err := r.two.OpenChange(ctx, *r.owner, r.account, []byte("old print"))
			r.expect(err)
			return
		}
		_, err := r.two.FinishChange(ctx, *r.owner, r.change.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new print")})
		r.expect(err, store.ErrGone)
	}
}

// check checks that after another run no row has the user_id, that sealed values open, and
// that every grant finds the link.
func (r *moveRace) check() {
	r.t.Helper()
	moves(r.t, r.two, both(r.n))
	var links []struct {
		Digest []byte `db:"identity_digest"`
		Former []byte `db:"user_digest"`
		Sealed []byte `db:"sealed_identity"`
	}
	noError(r.t, storetest.ProbeOf(r.one).Select(&links, `SELECT identity_digest, user_digest, sealed_identity FROM links WHERE account_id = $1`, r.account.ID))
	for _, l := range links {
		id, err := r.two.LinkIdentity(l.Digest, l.Sealed)
		if err != nil || id != both(r.n) || string(l.Digest) != string(r.one.IdentityDigest(id)) || string(l.Former) != string(r.one.IdentityDigest(byUser(r.n))) {
			r.t.Errorf("link of a %s: %v", id.Kind, err)
		}
	}
	for _, id := range []store.Identity{byUser(r.n), byOpen(r.n), both(r.n)} {
		if s := opened(r.t, r.one, id); (s.Link != nil) != (len(links) == 1) {
			r.t.Errorf("%d links, session of %s linked: %v", len(links), id.Kind, s.Link != nil)
		}
	}
	for _, token := range sessionTokens(r.t, r.one) {
		s, err := r.one.Session(r.t.Context(), token)
		if err != nil || string(r.two.IdentityDigest(s.Visitor.Identity)) != string(s.IdentityDigest) {
			r.t.Errorf("visitor of another session: %v", err)
		}
	}
	wrong := column(r.t, r.one, `
		SELECT concat(linked, ' linked but ', links, ' links') FROM (
			SELECT (SELECT count(*) FILTER (WHERE kind = 'linked') - count(*) FILTER (WHERE kind IN ('unlinked', 'link_ended', 'link_transferred', 'authorisation_withdrawn'))
					FROM events WHERE account_id = $1) AS linked,
				(SELECT count(*) FROM links WHERE account_id = $1) AS links) e WHERE linked <> links
		UNION ALL
		SELECT concat('done ', done, ', version ', version) FROM (
			SELECT (SELECT count(*) FROM changes WHERE account_id = $1 AND state = 'done') AS done,
				(SELECT version FROM password_credentials WHERE account_id = $1) AS version) c WHERE version <> done + 1`, r.account.ID)
	if len(wrong) > 0 {
		r.t.Errorf("%q", wrong)
	}
}

func sessionTokens(t *testing.T, db *store.DB) (tokens [][]byte) {
	t.Helper()
	noError(t, storetest.ProbeOf(db).Select(&tokens, `SELECT token_digest FROM sessions`))
	return tokens
}

// TestMoveRace runs the move concurrently with everything that the user, Alipay and the
// centre may do.
func TestMoveRace(t *testing.T) {
	t.Parallel()
	dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
	one := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
	kinds := []string{store.EventLinked, store.EventUnlinked, store.EventLinkEnded, store.EventPasswordChanged, store.EventPasswordFrozen, store.EventAuthorisationWithdrawn}
	for n := 0; more(t, one, n, testenv.Rounds(30, 150), kinds...); n++ {
		r := newMoveRace(t, one, two, n)
		r.run()
		r.check()
		checkLinks(t, two)
		_, err := storetest.ProbeOf(one).Exec(`DELETE FROM sessions`)
		noError(t, err)
		if t.Failed() {
			t.Fatalf("round %d", n)
		}
	}
}

// more reports whether a race needs another round after n rounds. It goes on until events
// of all kinds have occurred, because the winner depends on the machine, and fails the test
// if they do not occur.
func more(t *testing.T, db *store.DB, n, rounds int, kinds ...string) bool {
	t.Helper()
	if n < rounds {
		return true
	}
	seen := column(t, db, `SELECT DISTINCT kind FROM events`)
	for _, kind := range kinds {
		if slices.Contains(seen, kind) {
			continue
		}
		if n > 20*rounds {
			t.Errorf("no event %s", kind)
			return false
		}
		return true
	}
	return false
}

// A link that an uncommitted transaction writes for a session that is being moved is moved
// with it.
func TestMoveWaitsForLink(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	importAll(t, db, depositor(1))
	a, s := importedAccount(t, db, depositor(1)), opened(t, db, byUser(1))
	hold, err := storetest.ProbeOf(db).Beginx()
	noError(t, err)
	defer hold.Rollback()
	_, err = hold.Exec(`LOCK TABLE outbox IN SHARE MODE`) // the link's last step
	noError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		if err := db.AddLink(context.Background(), s, a, nil); err != nil {
			t.Error(err)
		}
	})
	awaitWaiting(t, db, 1, hold)
	all.Go(func() {
		if done, err := db.Roster().MoveToOpenID(context.Background(), []store.Identity{both(1)}, false); err != nil || done[0].Outcome != store.MoveDone {
			t.Errorf("%+v, %v", done, err)
		}
	})
	awaitWaiting(t, db, 2, hold)
	noError(t, hold.Commit())
	all.Wait()
	if s := reload(t, db, s); s.Link == nil || !s.Owns(db.IdentityDigest(both(1))) {
		t.Errorf("%+v", s.Link)
	}
}
