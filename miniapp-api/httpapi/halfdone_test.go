package httpapi_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/store"
	"fundpass/store/storetest"
)

// ownTransaction are the tables that are written before the main transaction: limits, attempts
// and consents remain if it fails.
var ownTransaction = []string{"lockouts", "daily_counts", "spent_values", "consents"}

// renewed matches the times that any activity changes.
var renewed = regexp.MustCompile(`<(expires_at|seen_at)>[^<]*<`)

// tables returns the rows of each table as text.
func (h *env) tables() map[string]string {
	h.t.Helper()
	rows, err := h.raw().Query(`
		SELECT relname, (xpath('/table/row', query_to_xml(format('SELECT * FROM %I r ORDER BY r::text', relname), true, false, '')))::text
		FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE 'goose%'`)
	must(h.t, err)
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var table, text string
		must(h.t, rows.Scan(&table, &text))
		all[table] = renewed.ReplaceAllString(text, "")
	}
	must(h.t, rows.Err())
	for _, table := range ownTransaction {
		delete(all, table)
	}
	return all
}

// T38 for every procedure: if a write to one of its tables fails, nothing is changed, and the
// procedure then succeeds. A first run finds the tables.
func TestHalfDone(t *testing.T) {
	t.Parallel()
	ask := func(path string, body func(c citizen) m) func(*client, citizen) reply {
		return func(p *client, c citizen) reply { return p.post(path, body(c)) }
	}
	link := func(h *env, c citizen) *client { return h.linkedClient(c) }
	changing := func(h *env, c citizen) *client { p := link(h, c); h.logIn(c); p.openChange(c); return p }
	password := func(c citizen) m { return m{"password": c.Password} }
	for name, do := range map[string]struct {
		begin func(h *env, c citizen) *client
		act   func(p *client, c citizen) reply
		least int // tables that the procedure writes
	}{
		"link":        {func(h *env, c citizen) *client { return h.logIn(c) }, ask("/v1/link", citizen.linkBody), 3},
		"unlink":      {changing, ask("/v1/link/remove", password), 4},
		"freeze":      {changing, ask("/v1/freeze", func(citizen) m { return m{} }), 5},
		"open change": {changing, ask("/v1/password/changes", func(c citizen) m { return m{"id_number": c.IDNumber, "old_password": c.Password} }), 2},
		"open reset":  {changing, ask("/v1/password/resets", func(citizen) m { return m{} }), 2},
		"change": {changing, func(p *client, c citizen) reply {
			return p.post("/v1/password/changes/"+p.h.openID(c, "change")+"/confirm", twice("Copper-Kettle-77"))
		}, 6},
		"reset": {func(h *env, c citizen) *client {
			p := changing(h, c)
			path, _ := p.openReset()
			p.get(path)
			return p
		}, func(p *client, c citizen) reply {
			return p.post("/v1/password/resets/"+p.h.openID(c, "reset")+"/confirm", twice("Copper-Kettle-77"))
		}, 6},
		"erasure": {changing, func(p *client, c citizen) reply {
			_, err := p.h.db.Operations().Erase(p.h.t.Context(), store.Erasure{Accounts: true, OperatorRequest: store.OperatorRequest{
				AccountNo: c.AccountNo, Operator: "li", Reason: "asked in writing"}})
			if err != nil {
				return reply{Code: "FAILED"}
			}
			return reply{Code: "OK"}
		}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newEnvIn(t, storetest.DSN(t))
			storetest.NeedPlain(t, "distributed tables have no triggers")
			h.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'made to fail'; END $$`)
			c := h.citizen()
			p := do.begin(h, c)
			before := h.tables()
			do.act(p, c).want(t, "OK")
			written := differing(before, h.tables())
			if len(written) < do.least {
				t.Errorf("writes only %v", written)
			}
			for _, table := range written {
				h.failOnce(t, table, func(c citizen) func() reply {
					p := do.begin(h, c)
					return func() reply { return do.act(p, c) }
				})
			}
		})
	}
}

// failOnce makes a write to the table fail once for a new citizen.
func (h *env) failOnce(t *testing.T, table string, begin func(citizen) func() reply) {
	t.Helper()
	act := begin(h.citizen())
	before := h.tables()
	h.exec(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION fail()`)
	if r := act(); r.Code == "OK" {
		t.Errorf("with %s failing, the answer is %s", table, r.Raw)
	}
	h.exec(`DROP TRIGGER fail ON ` + table)
	if diff := cmp.Diff(before, h.tables()); diff != "" {
		t.Errorf("%s failed, and a part was stored:\n%s", table, diff)
	}
	if r := act(); r.Code != "OK" {
		t.Errorf("after %s failed, a retry fails: %s", table, r.Raw)
	}
}

func differing(a, b map[string]string) []string {
	var all []string
	for _, table := range slices.Sorted(maps.Keys(b)) {
		if a[table] != b[table] {
			all = append(all, table)
		}
	}
	return all
}

// openID returns the id of the citizen's open change or reset.
func (h *env) openID(c citizen, what string) string {
	h.t.Helper()
	var id string
	must(h.t, h.raw().QueryRow(`SELECT `+what+`_id FROM `+what+`s WHERE person_digest = $1 AND state NOT IN ('done', 'cancelled')`, h.personDigest(c)).Scan(&id))
	return id
}
