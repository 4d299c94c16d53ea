package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"fundpass/store"
	"fundpass/store/storetest"
)

// A consentStep is an action of a user some years before the retention.
type consentStep struct {
	years float64
	what  string // the version agreed to, or "withdraw"
}

// TestRetentionOfConsents checks which consents are kept longer than three years.
func TestRetentionOfConsents(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	for n, tt := range []struct {
		name   string
		linked bool
		steps  []consentStep
		goes   int64
		left   []string // versions, with "-" if withdrawn, the earliest first
	}{
		{"in force", true, []consentStep{{9, "1"}}, 0, []string{"1"}},
		{"in force without a link", false, []consentStep{{9, "1"}}, 1, nil},
		{"recent without a link", false, []consentStep{{2, "1"}}, 0, []string{"1"}},
		{"withdrawn", true, []consentStep{{9, "1"}, {8, "withdraw"}}, 0, []string{"1-"}},
		{"withdrawn without a link", false, []consentStep{{9, "1"}, {8, "withdraw"}}, 1, nil},
		{"withdrawn lately without a link", false, []consentStep{{9, "1"}, {2, "withdraw"}}, 0, []string{"1-"}},
		{"refused", true, []consentStep{{9, "withdraw"}}, 0, []string{"1-"}},
		{"refused without a link", false, []consentStep{{9, "withdraw"}}, 1, nil},
		{"superseded", true, []consentStep{{9, "1"}, {8, "2"}}, 1, []string{"2"}},
		{"superseded lately", true, []consentStep{{9, "1"}, {2, "2"}}, 0, []string{"1", "2"}},
		{"superseded lately without a link", false, []consentStep{{9, "1"}, {2, "2"}}, 0, []string{"1", "2"}},
		{"superseded without a link", false, []consentStep{{9, "1"}, {8, "2"}}, 2, nil},
		{"superseded, then withdrawn lately", true, []consentStep{{9, "1"}, {8, "2"}, {2, "withdraw"}}, 0, []string{"1-", "2-"}},
		{"superseded, then withdrawn", true, []consentStep{{9, "1"}, {8, "2"}, {7, "withdraw"}}, 1, []string{"2-"}},
		{"withdrawn and given again", true, []consentStep{{9, "1"}, {8, "withdraw"}, {2, "1"}}, 1, []string{"1"}},
		{"given again and withdrawn", true, []consentStep{{9, "1"}, {8, "withdraw"}, {7, "1"}, {6, "withdraw"}}, 1, []string{"1-"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2031, 5, 20, 12, 0, 0, 0, time.UTC)
			clock := now.AddDate(-10, 0, 0)
			db := storetest.Open(t, dsn, storetest.WithNow(func() time.Time { return clock }), storetest.WithCenter(fmt.Sprint("city ", n), fmt.Sprint("app ", n)))
			s := consenting(t, db, tt.linked)
			for _, step := range tt.steps {
				clock = now.Add(-time.Duration(step.years * float64(365*24*time.Hour)))
				if step.what == "withdraw" {
					noError(t, db.WithdrawConsent(t.Context(), s, "phone", "1"))
				} else {
					noError(t, db.GiveConsents(t.Context(), s, []store.Consent{{Purpose: "phone", Version: step.what, How: store.ConsentByForm}}))
				}
			}
			clock = now
			before, err := db.Consents(t.Context(), s)
			noError(t, err)
			for _, dryRun := range []bool{true, false} {
				if got := retained(t, db, 3, dryRun)["consents"]; got != tt.goes {
					t.Errorf("dry run %v: %d deleted, want %d", dryRun, got, tt.goes)
				}
			}
			left := list(t, storetest.ProbeOf(db), `SELECT text_version || CASE WHEN withdrawn_at IS NULL THEN '' ELSE '-' END FROM consents WHERE center_id = $1 ORDER BY given_at`, fmt.Sprint("city ", n))
			if diff := cmp.Diff(tt.left, left); diff != "" {
				t.Errorf("left:\n%s", diff)
			}
			after, err := db.Consents(t.Context(), s)
			noError(t, err)
			if diff := cmp.Diff(before, after); diff != "" && tt.linked {
				t.Errorf("latest consent of a linked user changed:\n%s", diff)
			}
		})
	}
}

// consenting returns the session of a user with or without a link.
func consenting(t *testing.T, db *store.DB, linked bool) store.Session {
	t.Helper()
	d := depositor(1, hashed)
	importAll(t, db, d)
	s, err := db.OpenSession(t.Context(), store.ChannelAlipay, []byte("token"), store.Visitor{Identity: store.Identity{Provider: store.ProviderAlipay, AppID: storetest.AppID, Kind: "open_id", Value: "consenting"}})
	noError(t, err)
	if linked {
		noError(t, db.AddLink(t.Context(), s, importedAccount(t, db, d), nil))
	}
	return s
}

// All consents of a user are deleted together, in any number of batches, and those of
// another centre stay.
func TestRetentionOfManyConsents(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, storetest.DSN(t))
	const people = 4500 // two batches and a half
	addConsents(t, db, storetest.Center, people)
	addConsents(t, db, "other", people)
	if got := retained(t, db, 3, true)["consents"]; got != 2*people {
		t.Errorf("a dry run counts %d", got)
	}
	if got := retained(t, db, 3, false)["consents"]; got != 2*people {
		t.Errorf("%d deleted", got)
	}
	if got := list(t, storetest.ProbeOf(db), `SELECT center_id || count(*) FROM consents GROUP BY center_id`); len(got) != 1 || got[0] != fmt.Sprint("other", 2*people) {
		t.Errorf("left: %v", got)
	}
}

// addConsents gives each of many users a consent of five years ago and one of four years
// ago.
func addConsents(t *testing.T, db *store.DB, center string, people int) {
	t.Helper()
	noError(t, db.InTx(t.Context(), func(tx *sqlx.Tx, now time.Time) error {
		_, err := tx.Exec(`
			INSERT INTO consents (center_id, identity_digest, purpose, text_version, how, given_at)
			SELECT $1, sha256(p::text::bytea), 'link', v::text, 'form', $3::timestamptz + v * interval '1 year'
			FROM generate_series(1, $2::int) p, generate_series(1, 2) v`, center, people, now.AddDate(-6, 0, 0))
		return err
	}))
}
