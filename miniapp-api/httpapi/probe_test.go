package httpapi_test

import (
	"github.com/jmoiron/sqlx"

	"fundpass/store/storetest"
)

// raw is a plain pool beside the product, for looking at what it wrote.
func (h *house) raw() *sqlx.DB {
	h.t.Helper()
	h.openProbe.Do(func() {
		h.probe = storetest.Probe(h.t, h.dsn)
	})
	return h.probe
}

func (h *house) count(query string, args ...any) int {
	h.t.Helper()
	var n int
	must(h.t, h.raw().QueryRow(query, args...).Scan(&n))
	return n
}

func (h *house) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.raw().Exec(query, args...)
	must(h.t, err)
}

func (h *house) personDigest(c citizen) []byte {
	h.t.Helper()
	doc, err := h.documents().Parse(c.IDType, c.IDNumber)
	must(h.t, err)
	return h.db.PersonDigest(doc.Key())
}

func (h *house) accountDigest(c citizen) []byte {
	return h.box.Index("account number", []byte(h.center), []byte(c.AccountNo))
}
