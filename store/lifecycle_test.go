package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/store"
	"fundpass/store/storetest"
)

// lifecycleOutcomes are the effects of a new status on a link: the account of the link, the
// open change, the session, the events of the account and of the person's other account, and
// the notices.
var lifecycleOutcomes = map[string]string{
	"stays":  "here · open · alive · · ·",
	"frozen": "here · cancelled · alive · · ·",
	"moves":  "other · cancelled · alive · link_moved · link_moved · link_moved",
	"ends":   "none · cancelled · gone · link_ended · · link_ended",
	// After a status that moved or ended the link, nothing more happens.
	"moved": "other · cancelled · alive · · ·",
	"ended": "none · cancelled · gone · · ·",
	"none":  "none · none · none · · ·", // never linked
}

var lifeStatuses = []string{"01", "02", "03", "04", "05", "06", "99"}

// lifecycleTables have a row for each old status and a column for each new status, in the
// order of lifeStatuses. They include corrections by the centre: 06 to 01, 02 to 01, 05 to 01.
var lifecycleTables = []struct {
	name           string
	linked, second bool // whether there is a link, and another open account of the person
	cells          [7]string
}{
	{"linked, one account", true, false, [7]string{
		"stays stays ends ends ends frozen stays",
		"stays stays ends ends ends frozen stays",
		"ended ended ended ended ended ended ended",
		"ended ended ended ended ended ended ended",
		"ended ended ended ended ended ended ended",
		"frozen frozen ends ends ends frozen frozen", // the change stays cancelled when the freeze ends
		"stays stays ends ends ends frozen stays",
	}},
	{"linked, two accounts", true, true, [7]string{
		"stays stays moves ends ends frozen stays",
		"stays stays moves ends ends frozen stays",
		"moved moved moved moved moved moved moved",
		"ended ended ended ended ended ended ended",
		"ended ended ended ended ended ended ended",
		"frozen frozen moves ends ends frozen frozen",
		"stays stays moves ends ends frozen stays",
	}},
	{"not linked", false, true, [7]string{
		"none none none none none none none",
		"none none none none none none none",
		"none none none none none none none",
		"none none none none none none none",
		"none none none none none none none",
		"none none none none none none none",
		"none none none none none none none",
	}},
}

// A lifecycleCase is one cell of a table: an account, perhaps a second one, and a user.
type lifecycleCase struct {
	name, from, to, want string
	d, other             store.Depositor
	here, there          store.Account
	who                  string
	session              *store.Session
}

func lifecycleCases() (all []*lifecycleCase) {
	for t, table := range lifecycleTables {
		for i, from := range lifeStatuses {
			for j, to := range lifeStatuses {
				n := 10 * (100*t + 10*i + j)
				l := &lifecycleCase{name: table.name + " " + from + "→" + to, from: from, to: to, d: depositor(n)}
				l.want = lifecycleOutcomes[strings.Fields(table.cells[i])[j]]
				if table.linked {
					l.who = fmt.Sprint("citizen ", n)
				}
				if table.second {
					l.other = secondAccount(l.d, n+1, store.StatusSealed)
				}
				all = append(all, l)
			}
		}
	}
	return all
}

// secondAccount returns another account of a depositor.
func secondAccount(d store.Depositor, n int, status string) store.Depositor {
	d.Person.AccountNo, d.Status, d.InitialRule = depositor(n).Person.AccountNo, status, "account-last6"
	return d
}

func inStatus(status string, cases []*lifecycleCase) (ds []store.Depositor, to []store.Depositor) {
	for _, l := range cases {
		l.d.Status = status
		if status == "" {
			l.d.Status = l.from
		}
		ds = append(ds, l.d)
		l.d.Status = l.to
		to = append(to, l.d)
	}
	return ds, to
}

// TestLifecycle imports every change of GRZHZT in one batch.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	all := lifecycleCases()
	begin, _ := inStatus(store.StatusNormal, all)
	from, to := inStatus("", all)
	for _, l := range all {
		if l.other.Status != "" {
			begin = append(begin, l.other)
		}
	}
	importAll(t, db, begin...)
	for _, l := range all {
		l.link(t, db)
	}
	importAll(t, db, from...)
	for _, l := range all {
		l.openChange(t, db)
	}
	passwords := column(t, db, `SELECT concat(c) FROM password_credentials c ORDER BY account_id`)
	if _, err := storetest.ProbeOf(db).Exec(`DELETE FROM events`); err != nil {
		t.Fatal(err)
	}
	if _, err := storetest.ProbeOf(db).Exec(`DELETE FROM outbox`); err != nil {
		t.Fatal(err)
	}
	importAll(t, db, to...)
	for _, l := range all {
		if got := l.observe(t, db); got != l.want {
			t.Errorf("%s: %s, want %s", l.name, got, l.want)
		}
	}
	if d := cmp.Diff(passwords, column(t, db, `SELECT concat(c) FROM password_credentials c ORDER BY account_id`)); d != "" {
		t.Errorf("passwords changed: %s", d)
	}
	if c := importAll(t, db, to...); c != (store.Counts{Unchanged: int64(len(to))}) {
		t.Errorf("again: %+v", c)
	}
}

func (l *lifecycleCase) link(t *testing.T, db *store.DB) {
	t.Helper()
	l.here = importedAccount(t, db, l.d)
	if l.other.Status != "" {
		l.there = importedAccount(t, db, l.other)
	}
	if l.who != "" {
		s := linkedSession(t, db, l.who, l.here)
		l.session = &s
		l.openChange(t, db)
	}
}

// openChange opens a change if the account is still linked.
func (l *lifecycleCase) openChange(t *testing.T, db *store.DB) {
	t.Helper()
	if l.session == nil {
		return
	}
	_, err := db.OpenChange(t.Context(), *l.session, l.here, []byte("old print"))
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrBlocked) {
		t.Fatal(err)
	}
}

// observe returns the effects on the link in the form of lifecycleOutcomes.
func (l *lifecycleCase) observe(t *testing.T, db *store.DB) string {
	t.Helper()
	seen := []string{"none", "none", "none", l.events(t, db, l.here), l.events(t, db, l.there), l.notices(t, db)}
	if l.session != nil {
		seen[1] = strings.Join(column(t, db, `SELECT state FROM changes WHERE account_id = $1 ORDER BY opened_at DESC LIMIT 1`, l.here.ID), " ")
		s, err := db.Session(t.Context(), l.session.TokenDigest)
		switch {
		case errors.Is(err, store.ErrNotFound):
			seen[2] = "gone"
		case err != nil:
			t.Fatal(err)
		default:
			seen[2] = "alive"
			seen[0] = map[uuid.UUID]string{l.here.ID: "here", l.there.ID: "other"}[s.Link.AccountID]
		}
	}
	return strings.Join(strings.Fields(strings.Join(seen, " · ")), " ")
}

func (l *lifecycleCase) events(t *testing.T, db *store.DB, a store.Account) string {
	t.Helper()
	return strings.Join(column(t, db, `SELECT kind FROM events WHERE account_id = $1 AND channel = 'centre' ORDER BY kind`, a.ID), " ")
}

// notices returns the notices to the user about the present or last account of the link.
func (l *lifecycleCase) notices(t *testing.T, db *store.DB) string {
	t.Helper()
	var rows []struct {
		ID      uuid.UUID `db:"outbox_id"`
		Kind    string    `db:"kind"`
		Account uuid.UUID `db:"account_id"`
		Sealed  []byte    `db:"sealed"`
	}
	if err := storetest.ProbeOf(db).Select(&rows, `SELECT outbox_id, kind, account_id, sealed FROM outbox WHERE account_id IN ($1, $2) AND starts_with(kind, 'link_')`, l.here.ID, l.there.ID); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, r := range rows {
		n, err := db.OpenNotice(r.ID, r.Sealed)
		at := map[string]uuid.UUID{store.NoticeLinkEnded: l.here.ID, store.NoticeLinkMoved: l.there.ID}
		if err != nil || n.Identity.Value != l.who || n.ChangedAt.IsZero() || r.Account != at[r.Kind] {
			t.Errorf("%s: notice %+v of %s, %v", l.name, n, r.Account, err)
		}
		kinds = append(kinds, r.Kind)
	}
	return strings.Join(kinds, " ")
}

func column(t *testing.T, db *store.DB, query string, args ...any) []string {
	t.Helper()
	values := []string{}
	if err := storetest.ProbeOf(db).Select(&values, query, args...); err != nil {
		t.Fatal(err)
	}
	return values
}
