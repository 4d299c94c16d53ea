package selfservice

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fundpass/keys/testenv"
	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
	"fundpass/store/storetest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unusedProvider is a provider for tests that do not call it.
type unusedProvider struct{ IdentityProvider }

// newTestService returns a service with a database of its own and cheap hashes.
func newTestService(t *testing.T) *Service {
	t.Helper()
	pepper := storetest.NewPepper(t)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper, Memory: 64, Time: 1, Threads: 1, Slots: 4, Wait: testenv.Patience})
	t.Cleanup(hasher.Close)
	s, err := New(Config{
		DB:     storetest.Open(t, storetest.Shared(t), storetest.WithColumnCipher(storetest.NewColumnCipher(t)), storetest.WithPepper(pepper)),
		Policy: passwd.Default(), Hasher: hasher, Provider: unusedProvider{}, Proof: ProofCertdoc, ConsentTexts: []ConsentText{},
	})
	must(t, err)
	return s
}

// T8: the time of a refusal is a multiple of the response quantum.
func TestAwaitQuantum(t *testing.T) {
	t.Parallel()
	begun := time.Now().Add(-responseQuantum - responseQuantum/5)
	awaitQuantum(t.Context(), begun)
	if took := time.Since(begun); took < 2*responseQuantum {
		t.Errorf("returned after %v, want at least two quanta, %v", took, 2*responseQuantum)
	}
}

func TestUntilMidnight(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		now  string
		want int
	}{
		{"2026-03-01T15:59:59Z", 2}, {"2026-03-01T16:00:00Z", 24*60*60 + 1}, {"2026-12-31T03:00:00Z", 13*60*60 + 1},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		must(t, err)
		if got := untilMidnight(now); got != tt.want {
			t.Errorf("%s: %d s, want %d", tt.now, got, tt.want)
		}
	}
}

// A slow digest imported after the last update raises the floor at the first attempt at it.
// Other hashes do not.
func TestRefusalFloorRises(t *testing.T) {
	t.Parallel()
	s := newTestService(t)
	plain, err := s.hasher.Hash(t.Context(), passwd.NewSecret("Quiet-River-1"))
	must(t, err)
	legacy, err := passwd.ParseLegacy("$2a$04$" + strings.Repeat("a", 53))
	must(t, err)
	costly, err := s.hasher.Wrap(t.Context(), legacy)
	must(t, err)
	for _, tt := range []struct {
		name    string
		attempt store.Attempt
		took    time.Duration
		want    time.Duration
	}{
		{"unknown person", store.Attempt{Admitted: true}, time.Second, 0},
		{"locked", store.Attempt{Account: &store.Account{Hash: costly}}, time.Second, 0},
		{"current hash", store.Attempt{Admitted: true, Account: &store.Account{Hash: plain}}, time.Second, 0},
		{"costly", store.Attempt{Admitted: true, Account: &store.Account{Hash: costly}}, 300 * time.Millisecond, 300 * time.Millisecond},
		{"quicker", store.Attempt{Admitted: true, Account: &store.Account{Hash: costly}}, time.Millisecond, 300 * time.Millisecond},
		{"stalled", store.Attempt{Admitted: true, Account: &store.Account{Hash: costly}}, time.Minute, longestFloor},
	} {
		s.floor.observe(tt.attempt, tt.took)
		if got := time.Duration(s.floor.least.Load()); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	gone, end := context.WithCancel(t.Context())
	end()
	begun := time.Now()
	s.floor.await(gone, begun)
	if took := time.Since(begun); took > longestFloor/2 {
		t.Errorf("waited %v after the context was cancelled", took)
	}
}

// A request that waits for a slot until too little time is left is not charged.
func TestLoadIsShedBeforeTheCharge(t *testing.T) {
	t.Parallel()
	s := newTestService(t)
	req := store.AttemptRequest{PersonDigest: []byte("anybody"), Scope: store.PublicScope, Policy: lockoutPolicy(s.policy)}
	ctx, stop := context.WithTimeout(t.Context(), checkMargin)
	defer stop()
	if _, err := s.beginCheck(ctx, Caller{}, req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with no time left for a verdict: %v", err)
	}
	ctx, stop = context.WithTimeout(t.Context(), defaultRequestTime)
	c, err := s.beginCheck(ctx, Caller{}, req)
	must(t, err)
	defer c.end()
	stop() // the caller hangs up
	must(t, c.fail(ctx, false))
	req.Scope, req.Record = store.PublicScope, nil
	next, err := s.db.ReserveAttempt(t.Context(), req)
	must(t, err)
	if want := s.policy.Lock.Attempts()[0] - 1; next.Remaining != want {
		t.Errorf("%d attempts left, want %d: a checked attempt is charged", next.Remaining, want)
	}
}

// T8: the place in the hashing queue depends on the caller's session alone.
func TestPlaceFollowsFromTheSession(t *testing.T) {
	t.Parallel()
	c := Caller{Session: store.Session{IdentityDigest: []byte("somebody")}}
	if got := hashCaller(c); got != (passwd.Caller{Identity: "somebody", Unverified: true}) {
		t.Errorf("without a link: %v", got)
	}
	if c.Link = new(store.Link); hashCaller(c) != (passwd.Caller{Identity: "somebody"}) {
		t.Error("a linked caller is unverified")
	}
}

// A confirm that verifies several hashes uses one slot and releases it before it calls the
// database.
func TestOnePlaceARequest(t *testing.T) {
	t.Parallel()
	s := newTestService(t)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: storetest.NewPepper(t), Memory: 64, Time: 1, Slots: 1, Wait: time.Nanosecond})
	t.Cleanup(hasher.Close)
	s.hasher = hasher
	first := newHashing(s.hasher, Caller{})
	defer first.end()
	hash, err := newHashing(s.hasher, Caller{}).hashAndRelease(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	must(t, err)
	for range 3 {
		right, err := first.verify(t.Context(), hash, passwd.NewSecret("Copper-Kettle-58"))
		if must(t, err); !right {
			t.Error("not verified")
		}
	}
	if hasher.Dummy(t.Context(), passwd.NewSecret("x")) == nil {
		t.Error("a second slot is free")
	}
	_, err = first.hashAndRelease(t.Context(), passwd.NewSecret("Copper-Kettle-58"))
	must(t, err)
	must(t, hasher.Dummy(t.Context(), passwd.NewSecret("x")))
}

// The centre may end an account, or assign it to another person, between the proof and the
// link.
func TestLinkOvertaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		want   *Error
		change func(*store.Depositor)
	}{
		{"moved", ErrAccountClosed, func(d *store.Depositor) { d.Status = store.StatusMoved }},
		{"another's", ErrLinkRefused, func(d *store.Depositor) { d.DocumentKey, d.Person.IDNumber = documentOf(t, "990101195603080019") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestService(t)
			hash, err := s.hasher.Hash(t.Context(), passwd.NewSecret("Quiet-River-1"))
			must(t, err)
			d := store.Depositor{Person: store.Person{Name: "欧阳测试", IDType: "01", AccountNo: "880000000001"}, Status: store.StatusNormal, Hash: hash}
			d.DocumentKey, d.Person.IDNumber = documentOf(t, "990101195603070012")
			_, err = s.db.Roster().ImportDepositors(t.Context(), []store.Depositor{d})
			must(t, err)
			session, err := s.db.OpenSession(t.Context(), "channel", []byte(t.Name()), store.Visitor{Identity: store.Identity{Provider: "provider", AppID: "app", Kind: "open_id", Value: "somebody"}})
			must(t, err)
			a, err := s.db.ReserveAttempt(t.Context(), store.AttemptRequest{PersonDigest: s.db.PersonDigest(d.DocumentKey), Scope: store.PublicScope, Policy: lockoutPolicy(s.policy)})
			must(t, err)
			tt.change(&d)
			_, err = s.db.Roster().ImportDepositors(t.Context(), []store.Depositor{d})
			must(t, err)
			if _, err := s.writeLink(t.Context(), Caller{Session: session}, candidate{account: *a.Account, by: ProofCertdoc}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// documentOf returns the key and the number of an ID card with a correct check digit.
func documentOf(t testing.TB, number string) (key []byte, whole string) {
	t.Helper()
	whole = number[:17] + document.CheckDigit(number[:17])
	doc, err := document.Parse("01", whole)
	must(t, err)
	return doc.Key(), whole
}

// Errors of the packages below map to codes.
func TestAsError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want *Error
	}{
		{store.ErrUnavailable, ErrBusy},
		{store.ErrUnknownOutcome, ErrResultUnknown},
		{store.ErrRunning, ErrBusy},
		{store.ErrRenamed, ErrBusy},
		{passwd.ErrBusy, ErrBusy},
		{ErrDocumentUnsupported, ErrBadRequest},
		{errors.New("unknown"), ErrInternal},
	} {
		if got := AsError(tt.err); got.Code != tt.want.Code {
			t.Errorf("AsError(%v) = %s, want %s", tt.err, got.Code, tt.want.Code)
		}
	}
}
