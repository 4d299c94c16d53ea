package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// signInTo signs in to an account on a channel.
func signInTo(t *testing.T, db *store.DB, channel string, a store.Account) (token []byte, err error) {
	t.Helper()
	token = []byte(uuid.NewString())
	return token, db.SignIn(t.Context(), store.SignIn{Channel: channel, TokenDigest: token, Account: a})
}

// mustSignIn is signInTo where an error ends the test.
func mustSignIn(t *testing.T, db *store.DB, channel string, a store.Account) store.Session {
	t.Helper()
	token, err := signInTo(t, db, channel, a)
	noError(t, err)
	return reload(t, db, store.Session{TokenDigest: token})
}

// Who signs in has one link on all channels, beside those of other providers, and an event for
// each sign-in. A sign-in does not end the sessions of another channel.
func TestSignInHasOneLinkOnEveryChannel(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	importAll(t, db, depositor(1, hashed))
	a := importedAccount(t, db, depositor(1, hashed))
	other := linkedAs(t, db, byOpen(1), a)
	site, app := mustSignIn(t, db, "site", a), mustSignIn(t, db, "app", a)
	if site.Link == nil || site.Link.AccountID != a.ID || site.Provider != store.ProviderCentre || site.Channel != "site" {
		t.Errorf("session %+v", site)
	}
	if !site.Owns(app.IdentityDigest) || site.Owns(other.IdentityDigest) {
		t.Error("channels have different users, or providers the same")
	}
	got := column(t, db, `SELECT concat(provider, ' ', channel) FROM links WHERE account_id = $1
		UNION ALL SELECT concat(kind, ' ', channel) FROM events WHERE account_id = $1 ORDER BY 1`, a.ID)
	if d := cmp.Diff([]string{"alipay alipay", "centre site", "linked alipay", "signed_in app", "signed_in site"}, got); d != "" {
		t.Error(d)
	}
}

// What happens between the check of the password and the session refuses the session, and
// nothing of it is written.
func TestSignInOvertaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, db *store.DB, a store.Account)
		want   error
	}{
		"changed": {func(t *testing.T, db *store.DB, a store.Account) { changeAs(t, db, linkedAs(t, db, byOpen(1), a), a) }, store.ErrConflict},
		"frozen": {func(t *testing.T, db *store.DB, a store.Account) {
			noError(t, db.Freeze(t.Context(), linkedAs(t, db, byOpen(1), a)))
		}, store.ErrConflict},
		"closed": {func(t *testing.T, db *store.DB, _ store.Account) {
			importAll(t, db, depositor(1, hashed, func(d *store.Depositor) { d.Status = store.StatusClosed }))
		}, store.ErrBlocked},
		"another's": {func(t *testing.T, db *store.DB, _ store.Account) { importAll(t, db, depositor(1, hashed, moved)) }, store.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			importAll(t, db, depositor(1, hashed))
			a := importedAccount(t, db, depositor(1, hashed))
			tt.change(t, db, a)
			if _, err := signInTo(t, db, "site", a); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if left := column(t, db, `SELECT 'link' FROM links WHERE provider = $1 UNION ALL SELECT 'session' FROM sessions WHERE provider = $1
				UNION ALL SELECT 'event' FROM events WHERE kind = $2`, store.ProviderCentre, store.EventSignedIn); len(left) > 0 {
				t.Errorf("written: %v", left)
			}
		})
	}
}

// changeAs changes the password of the session's account.
func changeAs(t *testing.T, db *store.DB, s store.Session, a store.Account) {
	t.Helper()
	c, err := db.OpenChange(t.Context(), s, a, []byte("old"))
	noError(t, err)
	_, err = db.FinishChange(t.Context(), s, c.ID, store.NewPassword{Hash: "new", Fingerprint: []byte("new")})
	noError(t, err)
}

// Of a sign-in with the old password and a change that race, no session of the old password is
// left.
func TestSignInRacesTheChange(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	for n := range 20 {
		importAll(t, db, depositor(n, hashed))
		a := importedAccount(t, db, depositor(n, hashed))
		mustSignIn(t, db, "site", a)
		changer := linkedAs(t, db, byOpen(n), a)
		var race sync.WaitGroup
		for range 4 {
			race.Go(func() {
				if _, err := signInTo(t, db, "site", a); err != nil && !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			})
		}
		race.Go(func() { changeAs(t, db, changer, a) })
		race.Wait()
		if left := column(t, db, `SELECT s.channel FROM sessions s JOIN links l USING (center_id, identity_digest) WHERE l.account_id = $1 AND s.provider = $2`,
			a.ID, store.ProviderCentre); len(left) > 0 {
			t.Fatalf("%d sessions of the old password", len(left))
		}
	}
}

// A sign-in to another account of the person moves the link, as ChooseAccount does.
func TestSignInToAnotherAccount(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	second := func(d *store.Depositor) { d.Person.AccountNo += "2" }
	importAll(t, db, depositor(1, hashed), depositor(1, hashed, second))
	a, b := importedAccount(t, db, depositor(1, hashed)), importedAccount(t, db, depositor(1, hashed, second))
	former := mustSignIn(t, db, "site", a)
	change, err := db.OpenChange(t.Context(), former, a, []byte("old"))
	noError(t, err)
	s := mustSignIn(t, db, "app", b)
	if s.Link.AccountID != b.ID {
		t.Error("linked to the former account")
	}
	if c, err := db.Change(t.Context(), s, change.ID); err != nil || c.State != store.ChangeCancelled {
		t.Errorf("change of the former account: %s %v", c.State, err)
	}
	if _, err := db.Session(t.Context(), former.TokenDigest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session of the former account: %v", err)
	}
	got := column(t, db, `SELECT concat(kind, ' ', channel) FROM events WHERE account_id = $1 ORDER BY 1`, b.ID)
	if d := cmp.Diff([]string{"account_chosen app", "signed_in app"}, got); d != "" {
		t.Error(d)
	}
}

// The record, the export and the erasure reach a person who was never linked to a provider.
func TestPersonOfTheCentreAlone(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), t.Context()
	d := depositor(1, hashed)
	importAll(t, db, d)
	s := mustSignIn(t, db, "site", importedAccount(t, db, d))
	noError(t, db.GiveConsents(ctx, s, []store.Consent{{Purpose: "message", Version: "1", How: store.ConsentAsked}}))
	own, err := db.OwnData(ctx, s)
	noError(t, err)
	data, err := db.Operations().Export(ctx, operatorRequest(d))
	noError(t, err)
	for _, got := range []store.PersonData{own, data} {
		if len(got.Links) != 1 || got.Links[0].Kind != "person" || len(got.Sessions) != 1 || len(got.Consents) != 1 || len(got.Events) == 0 {
			t.Errorf("%d links, %d sessions, %d consents, %d events", len(got.Links), len(got.Sessions), len(got.Consents), len(got.Events))
		}
	}
	noError(t, db.Freeze(ctx, s))
	s = mustSignIn(t, db, "site", importedAccount(t, db, d))
	_, err = db.Operations().Erase(ctx, store.Erasure{OperatorRequest: operatorRequest(d)})
	noError(t, err)
	if left := column(t, db, `SELECT 'link' FROM links UNION ALL SELECT 'session' FROM sessions UNION ALL SELECT 'consent' FROM consents UNION ALL SELECT 'notice' FROM outbox`); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := db.Session(ctx, s.TokenDigest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("session: %v", err)
	}
}

// A notice of what was done without a provider goes to the person's link of the provider that
// delivers notices, or by SMS.
func TestNoticeOfTheCentresUser(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		linked bool
		want   string
	}{"linked": {true, store.ProviderAlipay}, "not linked": {false, store.ProviderCentre}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, ctx := storetest.New(t), t.Context()
			importAll(t, db, depositor(1, hashed))
			a := importedAccount(t, db, depositor(1, hashed))
			if tt.linked {
				linkedAs(t, db, byOpen(1), a)
			}
			changeAs(t, db, mustSignIn(t, db, "site", a), a)
			due, _, err := db.Outbox().Due(ctx, 9)
			noError(t, err)
			sms, _, err := db.Outbox().DueSMS(ctx, 9, store.MediumSMS)
			noError(t, err)
			if len(sms) > 0 == tt.linked {
				t.Errorf("%d SMS", len(sms))
			}
			due = append(due, sms...)
			for _, d := range due {
				n, err := db.Outbox().Notice(d)
				noError(t, err)
				if d.Kind == store.NoticePasswordChanged && n.Identity.Provider != tt.want {
					t.Errorf("notice to %s, want %s", n.Identity.Provider, tt.want)
				}
			}
			if len(due) == 0 {
				t.Error("no notice")
			}
		})
	}
}

// The number of an account leads to its holder, and an unknown one always to the same nobody.
func TestPersonOfAccount(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), t.Context()
	d := depositor(1, hashed)
	importAll(t, db, d)
	got := map[string]bool{}
	for _, number := range []string{d.Person.AccountNo, "0", "0", "1"} {
		person, err := db.PersonOfAccount(ctx, number)
		noError(t, err)
		if (number == d.Person.AccountNo) != (string(person) == string(db.PersonDigest(d.DocumentKey))) || len(person) != 32 {
			t.Errorf("%s: %x", number, person)
		}
		got[string(person)] = true
	}
	if len(got) != 3 {
		t.Errorf("%d persons, want 3", len(got))
	}
}

// A sealed value opens for its purpose and front end only.
func TestSealFor(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	sealed, err := db.SealFor("purpose", []byte("binding"), "value")
	noError(t, err)
	var v string
	if err := db.UnsealFor("purpose", []byte("binding"), sealed, &v); err != nil || v != "value" {
		t.Errorf("%q, %v", v, err)
	}
	for name, err := range map[string]error{
		"purpose":   db.UnsealFor("purposes", []byte("binding"), sealed, &v),
		"front end": db.UnsealFor("purpose", []byte("other"), sealed, &v),
		"shifted":   db.UnsealFor("purpose\x00b", []byte("inding"), sealed, &v),
		"altered":   db.UnsealFor("purpose", []byte("binding"), strings.Replace(sealed, sealed[8:16], strings.Repeat("A", 8), 1), &v),
		"no base64": db.UnsealFor("purpose", []byte("binding"), "?", &v),
		"empty":     db.UnsealFor("purpose", []byte("binding"), "", &v),
	} {
		if err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
