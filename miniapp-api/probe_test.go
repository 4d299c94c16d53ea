package miniapp

import "database/sql"

// raw is a plain connection beside the product, for looking at what it wrote.
func (h *house) raw() *sql.DB {
	h.t.Helper()
	h.openProbe.Do(func() {
		db, err := sql.Open("postgres", h.dsn)
		must(h.t, err)
		h.t.Cleanup(func() { db.Close() })
		db.SetMaxOpenConns(4)
		h.probe = db
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
	doc, err := h.server.documents.Parse(c.IDType, c.IDNumber)
	must(h.t, err)
	return h.db.PersonDigest(doc.Key())
}

func (h *house) accountDigest(c citizen) []byte {
	return h.box.Index("account number", []byte("test"), []byte(c.AccountNo))
}
