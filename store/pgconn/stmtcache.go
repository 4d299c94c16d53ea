package pgconn

import (
	"container/list"
	"database/sql/driver"
	"fmt"
)

// stmtCacheSize is how many statements one connection keeps prepared.
const stmtCacheSize = 128

// stmt has the methods of a statement that lib/pq has prepared.
type stmt interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// stmtCache holds the prepared statements of one connection. A new statement
// replaces the least recently used one.
type stmtCache struct {
	size    int
	lru     *list.List // of *cachedStmt, most recently used first
	byQuery map[string]*list.Element
}

type cachedStmt struct {
	query string
	stmt
}

func newStmtCache(size int) *stmtCache {
	return &stmtCache{size: size, lru: list.New(), byQuery: map[string]*list.Element{}}
}

// get returns nil for a query that is not prepared.
func (s *stmtCache) get(query string) stmt {
	e := s.byQuery[query]
	if e == nil {
		return nil
	}
	s.lru.MoveToFront(e)
	return e.Value.(*cachedStmt).stmt
}

// put adds a statement and closes the least recently used one if the cache is full.
func (s *stmtCache) put(query string, st stmt) error {
	s.byQuery[query] = s.lru.PushFront(&cachedStmt{query, st})
	if s.lru.Len() <= s.size {
		return nil
	}
	return s.drop(s.lru.Back())
}

func (s *stmtCache) drop(e *list.Element) error {
	c := s.lru.Remove(e).(*cachedStmt)
	delete(s.byQuery, c.query)
	return c.Close()
}

// dropStale drops a statement that the server no longer knows (26000) or whose
// result changed with the schema (0A000). It returns err, marked with
// errStaleStatement in that case.
func (s *stmtCache) dropStale(query string, err error) error {
	code := SQLState(err)
	if code != "26000" && code != "0A000" {
		return err
	}
	if e := s.byQuery[query]; e != nil {
		_ = s.drop(e) // fails within a failed transaction, which ends anyway
	}
	return fmt.Errorf("%w: %w", errStaleStatement, err)
}
