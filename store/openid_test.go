package store_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// both returns an identity with an open_id and a user_id.
func both(n int) store.Identity {
	return store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: fmt.Sprint("074-", n), UserID: fmt.Sprintf("2088%012d", n)}
}

func byUser(n int) store.Identity {
	return store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "user_id", Value: both(n).UserID}
}

func byOpen(n int) store.Identity {
	id := both(n)
	id.UserID = ""
	return id
}

func opened(t *testing.T, db *store.DB, id store.Identity) store.Session {
	t.Helper()
	s, err := db.OpenSession(t.Context(), store.ChannelAlipay, []byte(uuid.NewString()), store.Visitor{Identity: id, AccessToken: "alipay's"})
	noError(t, err)
	return s
}

// linkedAs returns a session of id, which it links to the account.
func linkedAs(t *testing.T, db *store.DB, id store.Identity, a store.Account) store.Session {
	t.Helper()
	s := opened(t, db, id)
	noError(t, db.AddLink(t.Context(), s, a, nil))
	return reload(t, db, s)
}

// reload returns the session as the next request reads it.
func reload(t *testing.T, db *store.DB, s store.Session) store.Session {
	t.Helper()
	s, err := db.Session(t.Context(), s.TokenDigest)
	noError(t, err)
	return s
}

func moves(t *testing.T, db *store.DB, ids ...store.Identity) []string {
	t.Helper()
	done, err := db.Roster().MoveToOpenID(t.Context(), ids, false)
	noError(t, err)
	outcomes := []string{}
	for _, m := range done {
		outcomes = append(outcomes, m.Outcome)
	}
	return outcomes
}

// identityColumns lists every column that can contain the digest of an identifier.
func TestIdentityColumns(t *testing.T) {
	t.Parallel()
	found := list(t, storetest.ProbeOf(storetest.New(t)), `
		SELECT concat(table_name, '.', column_name) FROM information_schema.columns
		WHERE table_schema = current_schema() AND (column_name IN ('identity_digest', 'user_digest', 'former_digest', 'scope', 'actor', 'subject_digest')
			OR column_name LIKE '%identity%' AND data_type = 'bytea')
		AND (table_name, column_name) NOT IN (('links', 'sealed_identity'), ('link_transfers', 'sealed_identity'), ('link_proofs', 'scope')) -- moved with their rows
		ORDER BY 1`)
	want := store.IdentityColumns()
	slices.Sort(want)
	want = slices.Compact(want)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("identityColumns in store/identity_columns.go and the schema differ:\n%s", diff)
	}
}

// All rows with the user's identifier are moved, once, and no others.
func TestMoveToOpenID(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	createPersonRows(t, db, 1)
	d := createPersonRowsAs(t, db, 2, func(user string) store.Identity {
		return store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "user_id", Value: user}
	})
	id := store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "074-second", UserID: "second"}
	s := reload(t, db, store.Session{TokenDigest: []byte("d2")})
	_, err := db.OpenChange(t.Context(), s, importedAccount(t, db, d), []byte("old print"))
	noError(t, err)
	old, now := hex.EncodeToString(s.IdentityDigest), hex.EncodeToString(db.IdentityDigest(id))
	before := allRows(t, db)

	would, err := db.Roster().MoveToOpenID(t.Context(), []store.Identity{id}, true)
	noError(t, err)
	if diff := cmp.Diff(before, allRows(t, db)); diff != "" || would[0].Outcome != store.MoveDone {
		t.Fatalf("a dry run returned %v and wrote:\n%s", would, diff)
	}
	if got := moves(t, db, id); got[0] != store.MoveDone {
		t.Fatal(got)
	}
	after := allRows(t, db)
	for table, rows := range before {
		had, has := strings.Count(fmt.Sprint(rows), old), strings.Count(fmt.Sprint(after[table]), now)
		left := strings.Count(fmt.Sprint(after[table]), old)
		if has != had || left > 0 && table != "links" || len(rows) != len(after[table]) {
			t.Errorf("%s: %d rows had the user_id; now %d have the open_id and %d the user_id", table, had, has, left)
		}
	}
	for _, column := range store.IdentityColumns() {
		if table, _, _ := strings.Cut(column, "."); !strings.Contains(fmt.Sprint(after[table]), now) {
			t.Errorf("no rows in %s: add some in createPersonRowsAs", table)
		}
	}
	if got := moves(t, db, id); got[0] != store.MoveNoLink {
		t.Error(got)
	}
	if diff := cmp.Diff(after, allRows(t, db)); diff != "" {
		t.Errorf("second call:\n%s", diff)
	}
}

// Open sessions and changes go on.
func TestMoveKeepsSessions(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, hashed))
	a := importedAccount(t, db, depositor(1))
	s := linkedAs(t, db, byUser(1), a)
	c, err := db.OpenChange(t.Context(), s, a, []byte("old print"))
	noError(t, err)
	moves(t, db, both(1))

	s = reload(t, db, s)
	v := s.Visitor
	if s.Link == nil || s.Link.AccountID != a.ID || v.Identity != both(1) || v.AccessToken == "" {
		t.Errorf("%+v, %+v", s.Link, v)
	}
	if done, err := db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new print")}); err != nil || done.ClosedAt == nil {
		t.Errorf("%+v, %v", done, err)
	}
	for _, id := range []store.Identity{byUser(1), both(1), byOpen(1)} {
		s := opened(t, db, id)
		if s.Link == nil || !s.Owns(db.IdentityDigest(both(1))) {
			t.Errorf("session of %s, user_id %v: %+v", id.Kind, id.UserID != "", s.Link)
		}
	}
}

// Waiting notices are addressed to the open_id.
func TestMoveReaddressesNotices(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1), depositor(2))
	linkedAs(t, db, byUser(1), importedAccount(t, db, depositor(1)))
	linkedAs(t, db, byUser(2), importedAccount(t, db, depositor(2)))
	moves(t, db, both(1))
	due, _, err := db.Outbox().Due(t.Context(), 10)
	noError(t, err)
	got := map[store.Identity]bool{}
	for _, d := range due {
		n, err := db.Outbox().Notice(d)
		noError(t, err)
		got[n.Identity] = true
	}
	if diff := cmp.Diff(map[store.Identity]bool{both(1): true, byUser(2): true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMoveOutcomes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		linked []store.Identity // each to an account of its own person
		move   store.Identity
		want   string
		touch  bool
	}{
		{"not linked", nil, both(1), store.MoveNoLink, false},
		{"linked by user_id", []store.Identity{byUser(1)}, both(1), store.MoveDone, true},
		{"linked by open_id", []store.Identity{byOpen(1)}, both(1), store.MoveNoLink, false},
		{"another user", []store.Identity{byUser(2), byOpen(3)}, both(1), store.MoveNoLink, false},
		{"both, to two persons", []store.Identity{byUser(1), byOpen(1)}, both(1), store.MoveConflict, false},
		{"open_id is of another application", []store.Identity{byUser(1)}, store.Identity{Provider: store.ProviderAlipay, AppID: "2021000000000009", Kind: "open_id", Value: "x", UserID: both(1).UserID}, store.MoveNoLink, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			for i, id := range tt.linked {
				importAll(t, db, depositor(i))
				linkedAs(t, db, id, importedAccount(t, db, depositor(i)))
			}
			before := allRows(t, db)
			if got := moves(t, db, tt.move); got[0] != tt.want {
				t.Errorf("got %v", got)
			}
			if touched := !cmp.Equal(before, allRows(t, db)); touched != tt.touch {
				t.Errorf("changed: %v", touched)
			}
		})
	}
}

// After a user_id was moved, another open_id for it is a conflict, and so is another
// user_id for its open_id.
func TestMoveTwice(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1), depositor(2))
	linkedAs(t, db, byUser(1), importedAccount(t, db, depositor(1)))
	linkedAs(t, db, byUser(2), importedAccount(t, db, depositor(2)))
	moves(t, db, both(1))
	elsewhere, taken := both(1), both(2)
	elsewhere.Value, taken.Value = "074-elsewhere", both(1).Value
	if diff := cmp.Diff([]string{store.MoveConflict, store.MoveConflict}, moves(t, db, elsewhere, taken)); diff != "" {
		t.Error(diff)
	}
	if s := opened(t, db, byUser(2)); s.Link == nil {
		t.Error("the other user lost the link")
	}
}

// A conflict does not affect the other users of a call.
func TestMoveBatch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	var ids []store.Identity
	for n := range 6 {
		importAll(t, db, depositor(n))
		linkedAs(t, db, byUser(n), importedAccount(t, db, depositor(n)))
		ids = append(ids, both(n))
	}
	importAll(t, db, depositor(100))
	linkedAs(t, db, byOpen(3), importedAccount(t, db, depositor(100)))
	want := []string{"moved", "moved", "moved", "conflict", "moved", "moved"}
	if diff := cmp.Diff(want, moves(t, db, ids...)); diff != "" {
		t.Error(diff)
	}
	if got := moves(t, db); len(got) != 0 {
		t.Error(got)
	}
	page, err := db.Roster().UserLinks(t.Context(), store.ProviderAlipay, nil)
	if err != nil || page.Links != 7 || !slices.Equal(page.Users, []store.Identity{byUser(3)}) {
		t.Errorf("remaining: %+v, %v", page, err)
	}
	if rest, err := db.Roster().UserLinks(t.Context(), store.ProviderAlipay, page.Last); err != nil || rest.Links != 0 || rest.Last != nil {
		t.Errorf("after the last page: %+v, %v", rest, err)
	}
	if all, moved, err := db.Roster().CountLinks(t.Context(), store.ProviderAlipay); all != 7 || moved != 5 || err != nil {
		t.Errorf("%d, %d, %v", all, moved, err)
	}
}

// Counts under both identifiers are merged.
func TestMoveMerges(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	db := storetest.New(t, storetest.WithNow(func() time.Time { return clock }))
	importAll(t, db, depositor(1), depositor(2), depositor(3))
	a := importedAccount(t, db, depositor(1))
	open := opened(t, db, byOpen(1)) // signed in once before the move
	user := linkedAs(t, db, byUser(1), a)
	fail := func(s store.Session, times int) {
		for range times {
			_, err := failedAttempt(t.Context(), db, store.AttemptRequest{PersonDigest: a.PersonDigest, Scope: s.IdentityDigest, AccountID: a.ID, Channel: store.ChannelAlipay, Policy: tiers})
			noError(t, err)
		}
	}
	fail(open, 1)
	fail(user, 2)
	stranger := func(s store.Session, n int) {
		_, err := failedAttempt(t.Context(), db, store.AttemptRequest{PersonDigest: importedAccount(t, db, depositor(n)).PersonDigest, Scope: store.PublicScope, Policy: tiers,
			Source: &store.UnverifiedSource{User: s.IdentityDigest, Address: "192.0.2.1", Limits: store.Spraying{PerUser: 5, PerAddress: 50, PerMinute: 50}}})
		noError(t, err)
	}
	stranger(open, 2)
	stranger(user, 2)
	stranger(user, 3)
	for _, s := range []store.Session{open, user} {
		start, err := db.ChargeLinkProof(t.Context(), s, a.PersonDigest, store.StartLimit{User: 9, Person: 9})
		noError(t, err)
		noError(t, db.KeepStart(t.Context(), start))
		noError(t, db.GiveConsents(t.Context(), s, []store.Consent{{Purpose: "face", Version: "1", How: store.ConsentAsked}}))
		clock = clock.Add(time.Second)
	}
	noError(t, db.WithdrawConsent(t.Context(), user, "face", "1"))
	for _, s := range []store.Session{open, user} {
		r := &store.IdempotencyRecord{Scope: s.IdentityDigest, KeyDigest: []byte("key"), RequestDigest: []byte("request")}
		_, err := db.IdempotencyRecords().Begin(t.Context(), r)
		noError(t, err)
		_, err = db.OpenLinkProof(t.Context(), s, a, store.LinkProof{ID: uuid.New(), Scope: s.IdentityDigest, Kind: store.ResetByFace, CertifyID: uuid.NewString()})
		noError(t, err)
	}
	if got := moves(t, db, both(1)); got[0] != store.MoveDone {
		t.Fatal(got)
	}
	var got []string
	for _, query := range []string{
		`SELECT concat('scope ', attempts) FROM lockouts WHERE scope <> 'public'`,
		`SELECT concat('spraying ', cardinality(persons), ' ', tried) FROM spraying WHERE kind = 'user'`,
		`SELECT concat('today ', count) FROM daily_counts WHERE purpose = 'links of a user'`,
		`SELECT concat('consents ', count(*), ' ', count(DISTINCT identity_digest), ' ', (array_agg(withdrawn_at IS NOT NULL ORDER BY given_at DESC))[1]) FROM consents`,
		`SELECT concat('idempotency_records ', count(*)) FROM idempotency_records`,
		`SELECT concat('pending ', count(DISTINCT scope), ' ', string_agg(state, ' ' ORDER BY state)) FROM link_proofs`,
	} {
		got = append(got, list(t, storetest.ProbeOf(db), query)...)
	}
	want := []string{"scope 2", "spraying 2 3", "today 2", "consents 2 1 t", "idempotency_records 1", "pending 1 replaced started"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
