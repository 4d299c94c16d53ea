package roster

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"fundpass/store"
)

// A piece is some lines of a roster on their way to the database.
type piece struct {
	from, to, bytes int64    // lines before it; lines and bytes up to its end
	texts           []string // of its lines; a line that is too long is ""
	numbers         []int64  // of the lines, where they were chosen
	long            []int    // which are too long
	entries         []entry
	refusals        []refusal
	refused         int64               // lines
	restricted      []store.Restriction // by refused lines
	numberStats     numberStats
	batch           *store.Batch
	listed          []store.Listed
	err             error
}

// number returns the number of the piece's i-th line.
func (p *piece) number(i int) int64 {
	if p.numbers != nil {
		return p.numbers[i]
	}
	return p.to - int64(len(p.texts)) + 1 + int64(i)
}

func byLine(a, b refusal) int { return cmp.Compare(a.line, b.line) }

// checkPiece checks a piece, and keeps the restrictions of accounts that exist.
func (m *intake) checkPiece(ctx context.Context, p *piece) error {
	m.check(p)
	if len(p.restricted) == 0 {
		return nil
	}
	numbers := make([]string, len(p.restricted))
	for i, r := range p.restricted {
		numbers[i] = r.AccountNo
	}
	there, err := m.db.Roster().HasAccounts(ctx, numbers)
	if err != nil {
		return err
	}
	var known []store.Restriction
	for i, r := range p.restricted {
		if there[i] {
			known = append(known, r)
			p.refusals = append(p.refusals, refusal{line: r.Line, column: colStatus, reason: reasonStatus, accountNo: r.AccountNo})
		}
	}
	p.restricted = known
	return nil
}

// check sorts the lines of a piece into entries and refusals. Empty lines are neither.
func (m *intake) check(p *piece) {
	seen := make(map[string]int64, len(p.texts))
	cut := false
	for i, text := range p.texts {
		number := p.number(i)
		e, refusals := m.checkLine(number, text)
		earlier, twice := seen[e.Person.AccountNo]
		switch {
		case slices.Contains(p.long, i):
			refusals = []refusal{{line: number, reason: errLongLine.Error()}}
		case text == "":
			continue
		case twice:
			refusals = append(refusals, refusal{number, colAccountNo, reasonTwice, earlier, e.Person.AccountNo})
		case e.Person.AccountNo != "":
			seen[e.Person.AccountNo] = number
		}
		p.numberStats.count(e)
		cut = cut || slices.ContainsFunc(refusals, func(r refusal) bool { return r.reason == cutNumber })
		if len(refusals) > 0 {
			p.refuseLine(e, refusals)
			continue
		}
		p.entries = append(p.entries, e)
	}
	if cut {
		p.cutNumbers()
	}
	p.texts = nil
}

// refuseLine refuses a line. A status that restricts the account still applies if the
// account number is valid.
func (p *piece) refuseLine(e entry, all []refusal) {
	p.refusals = append(p.refusals, all...)
	p.refused++
	doubt := func(r refusal) bool { return r.column == "" || r.column == colAccountNo || r.column == colStatus }
	if e.restricts() && !slices.ContainsFunc(all, doubt) {
		p.restricted = append(p.restricted, store.Restriction{Line: e.line, AccountNo: e.Person.AccountNo, Status: e.Status})
	}
}

func (e entry) restricts() bool {
	return e.Status == store.StatusFrozen || store.Account{Status: e.Status}.Ended()
}

// cutNumbers refuses every number that a spreadsheet may have cut.
func (p *piece) cutNumbers() {
	whole := p.entries[:0]
	for _, e := range p.entries {
		if !e.zeros {
			whole = append(whole, e)
			continue
		}
		p.refuseLine(e, []refusal{{line: e.line, column: colIDNumber, reason: cutNumber, accountNo: e.Person.AccountNo}})
	}
	p.entries = whole
}

func (m *intake) checkLine(number int64, text string) (entry, []refusal) {
	line, ok := m.roster.decode(text)
	fields, err := splitLine(make([]string, 0, m.header.fields), line)
	if err != nil {
		return entry{}, []refusal{{line: number, reason: err.Error()}}
	}
	e, refusals := m.header.read(number, fields)
	if ok {
		return e, refusals
	}
	isCorrupt := func(field string) bool { return !isASCII(field) }
	if strings.ContainsRune(line, utf8.RuneError) {
		isCorrupt = func(field string) bool { return strings.ContainsRune(field, utf8.RuneError) }
	}
	return e, m.header.refuseWhere(fields, isCorrupt, e, refusals)
}
