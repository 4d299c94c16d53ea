package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fundpass/keys/testenv"
	"fundpass/store"
	"fundpass/store/storetest"
)

// A proofRun is a user whose face was verified and who confirms on one process, while a
// rival runs on another.
type proofRun struct {
	t        *testing.T
	one, two *store.DB
	n        int
	d        store.Depositor
	account  store.Account
	session  store.Session
	proof    store.LinkProof
	owner    store.Session // linked to the account already, if the race needs one

	finished, rivalled error
}

// A proofRace is a rival of the confirm and the outcomes that either order may have.
type proofRace struct {
	name   string
	owned  bool // whether another user is linked to the account
	rival  func(w *proofRun) error
	loses  []error // errors that the confirm may return
	fails  []error // errors that the rival may return
	never  bool    // whether the confirm never succeeds
	open   bool    // whether a failed confirm leaves the proof open
	after  error   // of a second confirm after a failed one
	ends   bool    // whether a link that was made has ended
	oneWon bool    // whether exactly one of the two succeeds
}

var proofRaces = []proofRace{
	{name: "the same confirm", rival: func(w *proofRun) error { return w.finish(w.two) },
		loses: []error{store.ErrGone}, fails: []error{store.ErrGone}, oneWon: true, after: store.ErrGone},
	{name: "a new password", rival: (*proofRun).newPassword, loses: []error{store.ErrGone}, open: true, after: store.ErrGone},
	{name: "a freeze", rival: (*proofRun).freeze, loses: []error{store.ErrGone}, open: true, after: store.ErrGone},
	{name: "given to another person", rival: func(w *proofRun) error { return w.becomes(moved) },
		loses: []error{store.ErrGone, store.ErrNotFound}, open: true, after: store.ErrGone, ends: true},
	{name: "moved out", rival: func(w *proofRun) error { return w.becomes(inState(store.StatusMoved)) },
		loses: []error{store.ErrBlocked}, open: true, after: store.ErrBlocked, ends: true},
	{name: "merged into nothing", rival: func(w *proofRun) error { return w.becomes(inState(store.StatusMerged)) },
		loses: []error{store.ErrBlocked}, open: true, after: store.ErrBlocked, ends: true},
	{name: "another user's link", rival: func(w *proofRun) error { return w.two.AddLink(w.ctx(), w.signIn(w.two, "rival"), w.account, nil) },
		loses: []error{store.ErrConflict}, fails: []error{store.ErrConflict}, oneWon: true, open: true, after: store.ErrConflict},
	{name: "another account's link", rival: func(w *proofRun) error { return w.two.AddLink(w.ctx(), w.session, w.neighbour(), nil) },
		loses: []error{store.ErrConflict}, fails: []error{store.ErrConflict}, oneWon: true, open: true, after: store.ErrConflict},
	{name: "a newer pending link", rival: func(w *proofRun) error { _, err := w.wait(w.two, "newer"); return err },
		loses: []error{store.ErrGone}, after: store.ErrGone},
	{name: "the holder's unlink", owned: true, rival: func(w *proofRun) error { return w.two.RemoveLink(w.ctx(), w.owner) },
		loses: []error{store.ErrConflict}, open: true},
	{name: "the holder's freeze", owned: true, rival: func(w *proofRun) error { return w.two.Freeze(w.ctx(), w.owner) },
		loses: []error{store.ErrConflict, store.ErrGone}, never: true, open: true, after: store.ErrGone},
	{name: "the holder's new password", owned: true, rival: (*proofRun).holdersChange,
		loses: []error{store.ErrConflict, store.ErrGone}, never: true, open: true, after: store.ErrGone},
}

func inState(status string) func(*store.Depositor) {
	return func(d *store.Depositor) { d.Status = status }
}

func (w *proofRun) ctx() context.Context { return w.t.Context() }

// becomes imports a change of the account.
func (w *proofRun) becomes(change func(*store.Depositor)) error {
	d := w.d
	change(&d)
	_, err := w.two.Roster().ImportDepositors(w.ctx(), []store.Depositor{d})
	return err
}

// newPassword and freeze change the credential directly, because the account has no link.
func (w *proofRun) newPassword() error {
	_, err := storetest.ProbeOf(w.two).Exec(`UPDATE password_credentials SET version = version + 1, hash = 'new' WHERE account_id = $1`, w.account.ID)
	return err
}

func (w *proofRun) freeze() error {
	_, err := storetest.ProbeOf(w.two).Exec(`UPDATE password_credentials SET state = 'frozen' WHERE account_id = $1`, w.account.ID)
	return err
}

func (w *proofRun) holdersChange() error {
	change, err := w.two.OpenChange(w.ctx(), w.owner, w.account, []byte("old"))
	if err == nil {
		_, err = w.two.FinishChange(w.ctx(), w.owner, change.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new")})
	}
	return err
}

// neighbour returns another person's account.
func (w *proofRun) neighbour() store.Account {
	return importedAccount(w.t, w.two, depositor(2*w.n+1, hashed))
}

func (w *proofRun) signIn(db *store.DB, who string) store.Session {
	w.t.Helper()
	name := fmt.Sprint(who, " ", w.n)
	s, err := db.OpenSession(w.ctx(), store.ChannelAlipay, []byte(uuid.NewString()), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: name}})
	noError(w.t, err)
	return s
}

func (w *proofRun) wait(db *store.DB, certifyID string) (store.LinkProof, error) {
	return db.OpenLinkProof(w.ctx(), w.session, w.account, store.LinkProof{
		ID: uuid.New(), Scope: store.PublicScope, Kind: store.ResetByCertify, CertifyID: fmt.Sprint(certifyID, w.n)})
}

// begin verifies the face of a new user.
func (w *proofRun) begin(owned bool) {
	w.t.Helper()
	w.d = depositor(2*w.n, hashed)
	importAll(w.t, w.one, w.d, depositor(2*w.n+1, hashed))
	w.account = importedAccount(w.t, w.one, w.d)
	w.session = w.signIn(w.one, "comer")
	if owned {
		w.owner = linkedSession(w.t, w.one, fmt.Sprint("owner ", w.n), w.account)
	}
	var err error
	w.proof, err = w.wait(w.one, "first")
	noError(w.t, err)
}

// finish calls FinishLink with the present account.
func (w *proofRun) finish(db *store.DB) error {
	now, err := db.LinkedAccount(w.ctx(), w.proof.AccountID)
	if err != nil {
		return err
	}
	return db.FinishLink(w.ctx(), w.session, now, w.proof, nil)
}

// run runs the confirm and the rival concurrently.
func (w *proofRun) run(rival func(*proofRun) error) {
	gate := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { <-gate; w.finished = w.finish(w.one) })
	both.Go(func() { <-gate; w.rivalled = rival(w) })
	close(gate)
	both.Wait()
}

// check compares the results with the tables.
func (w *proofRun) check(r proofRace) {
	w.t.Helper()
	won := w.finished == nil
	switch {
	case !won && !isAny(w.finished, r.loses), w.rivalled != nil && !isAny(w.rivalled, r.fails):
		w.t.Errorf("confirm %v, rival %v", w.finished, w.rivalled)
	case r.oneWon && won == (w.rivalled == nil):
		w.t.Errorf("not exactly one succeeded: confirm %v, rival %v", w.finished, w.rivalled)
	case r.never && won:
		w.t.Error("linked to another person's account")
	}
	kept, err := w.two.LinkProof(w.ctx(), w.session, w.proof.ID)
	if r.ends && won { // the session has ended too
		noError(w.t, storetest.ProbeOf(w.two).Get(&kept.State, `SELECT state FROM link_proofs WHERE proof_id = $1`, w.proof.ID))
	} else {
		noError(w.t, err)
	}
	used := won || r.oneWon && w.rivalled == nil && !r.open // the rival was the same confirm
	want := map[bool]string{true: store.LinkProofUsed, false: store.LinkProofReplaced}[used]
	if !used && r.open {
		want = store.LinkProofStarted
	}
	if kept.State != want {
		w.t.Errorf("confirm %v, but the proof is %s", w.finished, kept.State)
	}
	w.checkRows(used && !r.ends)
	if !won {
		if err := w.finish(w.two); !errors.Is(err, r.after) {
			w.t.Errorf("second confirm: %v, want %v", err, r.after)
		}
	}
	checkLinks(w.t, w.one)
}

// checkRows checks whether the account is linked, and that events and notices account for
// every link.
func (w *proofRun) checkRows(linked bool) {
	w.t.Helper()
	wrong := column(w.t, w.one, `
		SELECT concat(links, ' links, ', mine, ' of the user; linked ', began, ', ended ', ended, ', told ', told) FROM (SELECT
			(SELECT count(*) FROM links WHERE account_id IN ($1, $2)) AS links,
			(SELECT count(*) FROM links WHERE identity_digest = $3 AND account_id = $1) AS mine,
			(SELECT count(*) FROM events WHERE kind = 'linked' AND account_id IN ($1, $2)) AS began,
			(SELECT count(*) FROM events WHERE kind IN ('unlinked', 'link_ended') AND account_id IN ($1, $2)) AS ended,
			(SELECT count(*) FROM outbox WHERE kind = 'linked' AND account_id IN ($1, $2)) AS told) c
		WHERE links > 1 OR links <> began - ended OR told <> began OR mine <> $4`,
		w.account.ID, w.neighbour().ID, w.session.IdentityDigest, map[bool]int{true: 1}[linked])
	if len(wrong) > 0 {
		w.t.Errorf("confirm %v, rival %v: %q", w.finished, w.rivalled, wrong)
	}
}

func isAny(err error, all []error) bool {
	for _, one := range all {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// TestFinishLinkRaces runs confirms concurrently with everything that may invalidate them,
// over two handles, and checks that each has one effect and returns the matching error.
func TestFinishLinkRaces(t *testing.T) {
	t.Parallel()
	for _, r := range proofRaces {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			dsn, cipher := storetest.Shared(t), storetest.NewColumnCipher(t)
			one, two := storetest.Open(t, dsn, storetest.WithColumnCipher(cipher)), storetest.Open(t, dsn, storetest.WithColumnCipher(cipher))
			wins := 0
			for n := range proofRounds {
				w := &proofRun{t: t, one: one, two: two, n: n}
				w.begin(r.owned)
				w.run(r.rival)
				if w.check(r); t.Failed() {
					t.Fatalf("round %d", n)
				}
				if w.finished == nil {
					wins++
				}
			}
			t.Logf("the confirm won %d of %d", wins, proofRounds)
		})
	}
}

// proofRounds is the number of rounds of each race.
var proofRounds = testenv.Rounds(6, 15)
