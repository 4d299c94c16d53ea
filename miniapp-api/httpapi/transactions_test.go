package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/store/storetest"
)

// TestWriteTransactions counts the transactions that write, as PostgreSQL sees them, of each
// request of the main job. The session is due for renewal at each of them, as it is when a
// citizen types. Consent to the form is recorded once, before Alipay is asked about the person.
func TestWriteTransactions(t *testing.T) {
	t.Parallel()
	h := newEnvIn(t, storetest.DSN(t))
	storetest.NeedPlain(t, "distributed tables have no triggers")
	c := h.citizen()
	h.logWrites()
	var p *client
	var path string
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"sign in", func() { p = h.logIn(c) }, "2: spent_values, links sessions"},
		{"first link", func() { p.post("/v1/link", c.linkBody(), key("1")).want(t, "OK") },
			"5: idempotency_records sessions, consents, idempotency_records lockouts, events links lockouts outbox, idempotency_records"},
		{"status", func() { p.get("/v1/password").want(t, "OK") }, "1: sessions"},
		{"open a change", func() { path = p.openChange(c, key("2")) },
			"5: idempotency_records sessions, idempotency_records lockouts, lockouts, changes events, idempotency_records"},
		{"status of the change", func() { p.get(path).want(t, "OK") }, "2: sessions, changes"},
		{"confirm", func() { p.post(path+"/confirm", twice("Copper-Kettle-77"), key("3")).want(t, "OK") },
			"3: idempotency_records sessions, changes events outbox password_credentials password_history sessions, idempotency_records"},
		{"unlink", func() { p.post("/v1/link/remove", m{"password": "Copper-Kettle-77"}).want(t, "OK") }, ""},
		{"another link", func() {
			c.Password = "Copper-Kettle-77"
			p.post("/v1/link", c.linkBody(), key("4")).want(t, "OK")
		}, "4: idempotency_records sessions, idempotency_records lockouts, events links lockouts outbox, idempotency_records"},
	} {
		h.clock.Advance(31 * time.Second)
		step.do()
		var tables []string
		must(t, h.raw().Select(&tables, `SELECT string_agg(DISTINCT name, ' ' ORDER BY name) FROM writes GROUP BY xid ORDER BY xid`))
		h.exec(`DELETE FROM writes`)
		if got := fmt.Sprint(len(tables), ": ", strings.Join(tables, ", ")); step.want != "" && got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
}

// logWrites makes every statement that writes leave its transaction and its table in writes.
func (h *env) logWrites() {
	h.exec(`CREATE TABLE writes (xid xid8, name text)`)
	h.exec(`CREATE FUNCTION log_write() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO writes VALUES (pg_current_xact_id(), TG_TABLE_NAME); RETURN NULL; END $$`)
	var tables []string
	must(h.t, h.raw().Select(&tables, `SELECT c.oid::regclass::text FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition`))
	for _, table := range slices.DeleteFunc(tables, func(t string) bool { return t == "writes" }) {
		h.exec(`CREATE TRIGGER log_write AFTER INSERT OR UPDATE OR DELETE ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION log_write()`)
	}
}
