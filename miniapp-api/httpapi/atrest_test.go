package httpapi_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fundpass/keys"
	"fundpass/store"
	"fundpass/store/storetest"
)

// runLife runs every procedure of one citizen with the same password and returns the last
// session's token.
func (h *env) runLife(password, next string) (token string) {
	h.t.Helper()
	c := h.citizen(func(c *citizen) {
		c.Person.Person, c.OpenID, c.IDNumber, c.AccountNo = "at rest", "open-at-rest", idNumber("19560307", 7), "880000000077"
		c.Phone, c.Password = "19900000077", password
	})
	p := h.linkedClient(c)
	body := m{"id_number": c.IDNumber, "old_password": password}
	opened := p.post("/v1/password/changes", body, key("open")).want(h.t, "OK")
	p.post("/v1/password/changes/"+opened.get(h.t, "id").(string)+"/confirm", twice(next), key("confirm")).want(h.t, "OK")
	code := "2718281828"
	a, err := h.db.AccountByNumber(h.t.Context(), c.AccountNo)
	must(h.t, err)
	_, err = h.db.Operations().IssueResetCode(h.t.Context(), a, code, "window-3")
	must(h.t, err)
	reset := p.post("/v1/password/resets", m{"code": code}, key("reset")).want(h.t, "OK")
	p.post("/v1/password/resets/"+reset.get(h.t, "id").(string)+"/confirm", twice(password), key("again")).want(h.t, "PASSWORD_REUSED")
	p.post("/v1/password/resets/"+reset.get(h.t, "id").(string)+"/confirm", twice(next+"!"), key("back")).want(h.t, "OK")
	p.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": next + "!"}).want(h.t, "OK")
	p.post("/v1/link/remove", m{"password": next + "!"}, key("remove")).want(h.t, "OK")

	authCode, err := h.sim.AuthCode(c.Person.Person)
	must(h.t, err)
	session := m{"auth_code": authCode}
	first := h.client().post("/v1/sessions", session, key("session")).want(h.t, "OK")
	again := h.client().post("/v1/sessions", session, key("session")).want(h.t, "OK")
	if first.Raw != again.Raw {
		h.t.Error("the repeat of a login gets another answer")
	}
	p.token = again.get(h.t, "token").(string)
	p.get("/v1/consents").want(h.t, "OK")
	return p.token
}

// A storedRow is a row as JSON.
type storedRow struct {
	table  string
	values map[string]any
}

// storedRows returns all rows of all tables.
func (h *env) storedRows() (all []storedRow) {
	h.t.Helper()
	tables, err := h.raw().Query(`SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`)
	must(h.t, err)
	defer tables.Close()
	var names []string
	for tables.Next() {
		var name string
		must(h.t, tables.Scan(&name))
		names = append(names, name)
	}
	must(h.t, tables.Err())
	for _, name := range names {
		rows, err := h.raw().Query(`SELECT to_jsonb(r) FROM ` + name + ` r`)
		must(h.t, err)
		for rows.Next() {
			var raw []byte
			row := storedRow{table: name}
			must(h.t, rows.Scan(&raw))
			must(h.t, json.Unmarshal(raw, &row.values))
			all = append(all, row)
		}
		must(h.t, rows.Err())
	}
	return all
}

// cells maps each stored value to its columns.
func cells(rows []storedRow) map[string]bool {
	all := map[string]bool{}
	for _, r := range rows {
		for column, v := range r.values {
			all[fmt.Sprintf("%s.%s = %v", r.table, column, v)] = true
		}
	}
	return all
}

// The column key and the database without the pepper do not suffice to test a password: every
// value derived from a password changes with the pepper.
func TestColumnKeyAloneTestsNoPassword(t *testing.T) {
	t.Parallel()
	cipher, pepper := storetest.NewColumnCipher(t), storetest.NewPepper(t)
	const password, next = "Quiet-River-77", "Copper-Kettle-77"
	live := func(pepper *keys.Pepper, password, next string) map[string]bool {
		h := newEnvWith(t, storetest.DSN(t), cipher, pepper)
		h.runLife(password, next)
		return cells(h.storedRows())
	}
	first, second := live(pepper, password, next), live(pepper, password, next)
	otherPasswords := live(pepper, "Silver-Ferry-26", "Amber-Window-35")
	otherPepper := live(storetest.NewPepper(t), password, next)
	found := map[string]bool{}
	for cell := range first {
		if !second[cell] || otherPasswords[cell] {
			continue // random, or equal for all passwords
		}
		column, _, _ := strings.Cut(cell, " = ")
		found[column] = true
		if otherPepper[cell] {
			t.Errorf("%s follows from the password and the column key", column)
		}
	}
	for _, column := range []string{"password_history.fingerprint", "changes.old_fingerprint", "changes.new_fingerprint", "resets.new_fingerprint", "idempotency_records.request_digest"} {
		if !found[column] {
			t.Errorf("%s was not put to the test: %v", column, found)
		}
	}
}

// The history of earlier passwords does not contain the current one.
func TestHistoryIsWithoutThePresent(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	c := h.citizen()
	p := h.linkedClient(c)
	p.post(p.openChange(c)+"/confirm", twice("Copper-Kettle-70")).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM password_history p JOIN password_credentials c USING (center_id, account_id) WHERE p.version >= c.version`); n != 0 {
		t.Error("after a change the present password is among the earlier ones")
	}
	path, _ := p.openReset()
	p.post(path+"/confirm", twice("Copper-Kettle-71")).want(t, "OK")
	if n := h.count(`SELECT count(*) FROM password_history p JOIN password_credentials c USING (center_id, account_id) WHERE p.version >= c.version`); n != 0 {
		t.Error("after a reset the present password is among the earlier ones")
	}
	c.Password = "Copper-Kettle-71"
	change := p.openChange(c)
	p.post(change+"/confirm", twice("Copper-Kettle-71")).want(t, "PASSWORD_SAME")
	p.post(change+"/confirm", twice("Copper-Kettle-70")).want(t, "PASSWORD_REUSED") // a reset does not type it
	p.post(change+"/confirm", twice("Copper-Kettle-72")).want(t, "OK")
	p.post(change+"/confirm", twice("Copper-Kettle-72")).want(t, "OK")
	p.post(change+"/confirm", twice("Copper-Kettle-73")).want(t, "CHANGE_GONE")
}

// After a rotation of the pepper a repeated request, a repeated confirm and an earlier password
// are still recognised.
func TestRotatedPepperRemembers(t *testing.T) {
	t.Parallel()
	file, err := keys.NewPepperKey()
	must(t, err)
	pepper, err := keys.ParsePepper(file)
	must(t, err)
	h := newEnvWith(t, storetest.DSN(t), storetest.NewColumnCipher(t), pepper)
	c := h.citizen()
	p := h.linkedClient(c)
	change := p.openChange(c)
	confirmed := p.post(change+"/confirm", twice("Copper-Kettle-70"), key("k")).want(t, "OK")
	code, err := h.sim.AuthCode(c.Person.Person)
	must(t, err)
	session := h.client().post("/v1/sessions", m{"auth_code": code}).want(t, "OK")

	file, err = keys.RotatePepper(file)
	must(t, err)
	h.pepper, err = keys.ParsePepper(file)
	must(t, err)
	p.url = h.listen(h.newServer())
	if again := p.post(change+"/confirm", twice("Copper-Kettle-70"), key("k")); again.Raw != confirmed.Raw {
		t.Errorf("under the same key: %s", again.Raw)
	}
	p.post(change+"/confirm", twice("Copper-Kettle-71"), key("k")).want(t, "IDEMPOTENCY_KEY_REUSED")
	p.post(change+"/confirm", twice("Copper-Kettle-70")).want(t, "OK")
	old := c.Password
	c.Password = "Copper-Kettle-70"
	change = p.openChange(c)
	p.post(change+"/confirm", twice("Copper-Kettle-70")).want(t, "PASSWORD_SAME")
	p.post(change+"/confirm", twice(old)).want(t, "PASSWORD_REUSED")
	p.token = session.get(t, "token").(string)
	p.get("/v1/password").want(t, "OK")
}

// contexts returns every context for which a value of the row may be encrypted.
func (r storedRow) contexts() (all [][]byte) {
	keys := [][]byte{nil}
	for _, v := range r.values {
		if s, ok := v.(string); ok {
			keys = append(keys, bytesOf(s))
		}
	}
	if r.table == "idempotency_records" {
		keys = append(keys, append(bytesOf(r.values["scope"].(string)), bytesOf(r.values["key_digest"].(string))...))
	}
	for _, k := range keys {
		all = append(all, slices.Concat([]byte(r.table+"\x00"), []byte(storetest.Center+"\x00"), k))
	}
	return all
}

// bytesOf returns the bytes of a bytea or uuid in JSON, or those of the text.
func bytesOf(s string) []byte {
	if raw, err := hex.DecodeString(strings.TrimPrefix(s, `\x`)); err == nil {
		return raw
	}
	if raw, err := hex.DecodeString(strings.ReplaceAll(s, "-", "")); err == nil {
		return raw
	}
	return []byte(s)
}

// The database and the column key do not reveal a bearer token. Stored answers are bound to
// their scope.
func TestNoTokenIsStored(t *testing.T) {
	t.Parallel()
	h := newEnvWith(t, storetest.DSN(t), storetest.NewColumnCipher(t), storetest.NewPepper(t))
	token := h.runLife("Quiet-River-77", "Copper-Kettle-77")
	opened := map[string]int{}
	for _, r := range h.storedRows() {
		for column, v := range r.values {
			s, ok := v.(string)
			if !ok {
				continue
			}
			stored := bytesOf(s)
			texts := []string{s, string(stored)}
			for _, context := range r.contexts() {
				if plain, err := h.cipher.Open(stored, context); err == nil {
					opened[r.table]++
					texts = append(texts, string(plain))
					var a store.Answer
					if json.Unmarshal(plain, &a) == nil {
						texts = append(texts, string(a.Body))
					}
				}
			}
			for _, text := range texts {
				if strings.Contains(text, token) {
					t.Errorf("%s.%s contains the token", r.table, column)
				}
			}
			if r.table == "idempotency_records" && column == "sealed_reply" {
				bare := slices.Concat([]byte("idempotency_records\x00"), []byte(storetest.Center+"\x00"), bytesOf(r.values["key_digest"].(string)))
				if _, err := h.cipher.Open(stored, bare); err == nil {
					t.Error("an idempotency record opens without its scope")
				}
			}
		}
	}
	if opened["idempotency_records"] < 5 || opened["sessions"] < 1 || opened["accounts"] != 1 {
		t.Errorf("opened %v", opened)
	}
}
