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

// Columns of a step, whose lines fit into 80.
const (
	indent       = 7
	answerColumn = 56
	tookColumn   = 72
	columns      = 80
)

// A line is one step of a walk: what the step proves and the code of the answer, then the call
// and how long it took, then what the citizen reads.
type line struct {
	number int
	passed bool
	proves string
	answer apiclient.Answer
	note   string
}

// printLine prints a step. Ids in paths are shortened.
func printLine(s terminal.Screen, l line) {
	mark := s.Paint("✓", text.FgGreen)
	if !l.passed {
		mark = s.Paint("✗", text.FgRed)
	}
	code := s.T("no reply")
	if l.answer.Status != 0 {
		code = fmt.Sprintf("%d %s", l.answer.Status, l.answer.Code)
	}
	fmt.Fprintln(s.Out, text.Pad(fmt.Sprintf(" %s %2d  %s", mark, l.number, s.Match(l.proves)), answerColumn, ' ')+code)
	left := strings.Repeat(" ", indent)
	call := l.answer.Method + " " + ids.ReplaceAllString(l.answer.Path, "{id}")
	fmt.Fprintln(s.Out, s.Paint(fmt.Sprintf("%s%8s", text.Pad(left+call, tookColumn, ' '), milliseconds(l.answer.Took)), text.Faint))
	if l.note == "" {
		return
	}
	for note := range strings.SplitSeq(terminal.Fold(s.Match(l.note), columns-indent), "\n") {
		fmt.Fprintln(s.Out, s.Paint(left+note, text.Faint))
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
