package roster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"fundpass/cmd/internal/terminal"
)

// A refusal is the reason why a line was not imported. It never holds the value.
type refusal struct {
	line      int64
	column    string // "" when it is the line's
	reason    string // one of few
	other     int64  // the line that the reason speaks of, if any
	accountNo string // "" when it is none; it goes to the file of refusals only
}

// text returns the English text, which the file of refusals has in every language.
func (r refusal) text() string { return r.textIn(terminal.English) }

func (r refusal) textIn(l terminal.Language) string {
	if r.other != 0 {
		return l.T("%s: line %d", l.T(r.reason), r.other)
	}
	return l.T(r.reason)
}

// Reasons that come from another line or from the database.
const (
	reasonTwice     = "the account is there in another line, which counts"
	reasonShortened = "an account of this person has this number but for zeros in front: write the number as it was"
	reasonEncoding  = "not in the file's encoding"
	reasonNoRule    = "a new account needs the rule of its initial password, or a digest in JMMM"
	reasonStatus    = "not wrong: this status is taken over, though the rest of the line is refused"
)

// refusedLines ends a command that refused lines.
type refusedLines int64

func (n refusedLines) Error() string {
	return fmt.Sprintf("%d lines were refused: correct them at their source; with --allow-refused that is no failure", int64(n))
}

// ExitStatus lets a script tell this end from a failure.
func (n refusedLines) ExitStatus() int { return exitRefused }

// exitRefused is the exit status of a command that refused lines.
const exitRefused = 3

const allowRefusedUsage = "exit with status 0 even when lines were refused"

// refusalCounts counts refusals by column and reason.
type refusalCounts map[[2]string]int64

func (s refusalCounts) add(r refusal) { s[[2]string{r.column, r.reason}]++ }

// rows returns the counts, the most frequent first.
func (s refusalCounts) rows(l terminal.Language) (rows []table.Row) {
	keys := slices.SortedFunc(maps.Keys(s), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(s[b], s[a]), slices.Compare(a[:], b[:]))
	})
	for _, key := range keys {
		rows = append(rows, table.Row{s[key], key[0], l.T(key[1])})
	}
	return rows
}
