package httpapi_test

import (
	"github.com/jmoiron/sqlx"

	"fundpass/store/storetest"
)

// raw returns a connection pool of the test, to inspect the tables.
func (h *env) raw() *sqlx.DB {
	h.t.Helper()
	h.openProbe.Do(func() {
		h.probe = storetest.Probe(h.t, h.dsn)
	})
	return h.probe
}

func (h *env) count(query string, args ...any) int {
	h.t.Helper()
	var n int
	must(h.t, h.raw().QueryRow(query, args...).Scan(&n))
	return n
}

func (h *env) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.raw().Exec(query, args...)
	must(h.t, err)
}

func (h *env) personDigest(c citizen) []byte {
	h.t.Helper()
	doc, err := h.documents().Parse(c.IDType, c.IDNumber)
	must(h.t, err)
	return h.db.PersonDigest(doc.Key())
}

func (h *env) accountDigest(c citizen) []byte {
	return h.cipher.Index("account number", []byte(h.center), []byte(c.AccountNo))
}
