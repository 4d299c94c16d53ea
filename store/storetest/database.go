package storetest

import (
	"database/sql"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"fundpass/store/localpg"
)

// template is the database that tests get a copy of.
const template = "template_migrated"

type server struct {
	pg    *localpg.Server
	admin *sql.DB
	end   io.Closer  // our end of the cleaner's input
	mu    sync.Mutex // copies of one template are made one at a time
	count atomic.Int64
}

// create makes a database from another one.
func create(t testing.TB, from string) string {
	t.Helper()
	s, err := shared()
	Require(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("t%d", s.count.Add(1))
	if _, err := s.admin.Exec(fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY`, name, from)); err != nil {
		t.Fatal(err)
	}
	return s.pg.DSN(name)
}
