package walk

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/terminal"
)

// First columns of the parts of a line.
const (
	indent       = 7
	answerColumn = 56
	tookColumn   = 84
)

// A line is one step of a walk, printed on two lines: what the step proves and the code
// of the answer, then the call and what the citizen reads.
type line struct {
	number int
	passed bool
	proves string
	answer apiclient.Answer
	note   string
}

// printLine prints a step. Ids in paths are shortened, and notes of several lines are
// aligned.
func printLine(s terminal.Screen, l line) {
	mark := s.Paint("✓", text.FgGreen)
	if !l.passed {
		mark = s.Paint("✗", text.FgRed)
	}
	code := "no reply"
	if l.answer.Status != 0 {
		code = fmt.Sprintf("%d %s", l.answer.Status, l.answer.Code)
	}
	head := text.Pad(fmt.Sprintf(" %s %2d  %s", mark, l.number, l.proves), answerColumn, ' ') + code
	fmt.Fprintf(s.Out, "%s%8s\n", text.Pad(head, tookColumn, ' '), milliseconds(l.answer.Took))
	call := strings.Repeat(" ", indent) + l.answer.Method + " " + ids.ReplaceAllString(l.answer.Path, "{id}")
	for i, note := range strings.Split(l.note, "\n") {
		if i > 0 {
			call = ""
		}
		below := strings.TrimRight(text.Pad(call, answerColumn, ' ')+note, " ")
		fmt.Fprintln(s.Out, s.Paint(below, text.Faint))
	}
}

// ids matches the ids in paths, which the screen shortens.
var ids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func milliseconds(d time.Duration) string {
	if 0 < d && d < time.Millisecond {
		return "<1 ms"
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
