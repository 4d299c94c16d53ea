package terminal

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A Screen writes text for operators in their language. It counts Chinese characters as two
// columns, as terminals do.
type Screen struct {
	Out io.Writer
	Language
	color bool
}

// NewScreen returns a screen on w.Out. It uses colors if that is a terminal.
func NewScreen(w Stdio) Screen {
	f, ok := w.Out.(*os.File)
	return Screen{Out: w.Out, Language: w.Language, color: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// Say writes a line.
func (s Screen) Say(line string) { fmt.Fprintln(s.Out, s.Match(line)) }

// Title writes the first line of a screen.
func (s Screen) Title(title string) { fmt.Fprintf(s.Out, "%s\n", s.Paint(s.Match(title), text.Bold)) }

// Heading writes the heading of a section.
func (s Screen) Heading(name string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(s.Match(name), text.Bold)) }

// End writes the result.
func (s Screen) End(result string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(s.Match(result), text.Bold)) }

// Paint returns the text in a color, on a terminal.
func (s Screen) Paint(what string, c text.Color) string {
	if !s.color {
		return what
	}
	return c.Sprint(what)
}

// List writes names and descriptions in two aligned columns.
func (s Screen) List(lines [][2]string) {
	for i, l := range lines {
		lines[i] = [2]string{s.Match(l[0]), s.Match(l[1])}
	}
	printPairs(s.Out, "  ", lines, screenWidth(s.Out))
}
