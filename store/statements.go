package store

import (
	"container/list"
	"database/sql/driver"
	"fmt"
)

// statementsKept is how many statements one connection keeps prepared.
const statementsKept = 128

// statement is a statement prepared by lib/pq.
type statement interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// statements are one connection's prepared statements; the one unused for
// longest makes place for a new one.
type statements struct {
	most  int
	byUse *list.List // of *prepared, latest used first
	texts map[string]*list.Element
}

type prepared struct {
	query string
	statement
}

func newStatements(most int) *statements {
	return &statements{most: most, byUse: list.New(), texts: map[string]*list.Element{}}
}

// get returns nil for a query that is not prepared.
func (s *statements) get(query string) statement {
	e := s.texts[query]
	if e == nil {
		return nil
	}
	s.byUse.MoveToFront(e)
	return e.Value.(*prepared).statement
}

func (s *statements) put(query string, st statement) error {
	s.texts[query] = s.byUse.PushFront(&prepared{query, st})
	if s.byUse.Len() <= s.most {
		return nil
	}
	return s.drop(s.byUse.Back())
}

func (s *statements) drop(e *list.Element) error {
	p := s.byUse.Remove(e).(*prepared)
	delete(s.texts, p.query)
	return p.Close()
}

// check forgets a statement that the server no longer knows (26000) or whose
// result changed with the schema (0A000).
func (s *statements) check(query string, err error) error {
	code := sqlState(err)
	if code != "26000" && code != "0A000" {
		return err
	}
	if e := s.texts[query]; e != nil {
		_ = s.drop(e) // fails within a failed transaction, which ends anyway
	}
	return fmt.Errorf("%w: %w", errStale, err)
}
