package terminal

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A Screen writes text for operators. It counts Chinese characters as two columns, as
// terminals do.
type Screen struct {
	Out   io.Writer
	color bool
}

// NewScreen returns a screen that uses colors if out is a terminal.
func NewScreen(out io.Writer) Screen {
	f, ok := out.(*os.File)
	return Screen{Out: out, color: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// Title writes the first line of a screen.
func (s Screen) Title(title string) { fmt.Fprintf(s.Out, "%s\n", s.Paint(title, text.Bold)) }

// Heading writes the heading of a section.
func (s Screen) Heading(name string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(name, text.Bold)) }

// End writes the result.
func (s Screen) End(result string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(result, text.Bold)) }

// Paint returns the text in a color, on a terminal.
func (s Screen) Paint(what string, c text.Color) string {
	if !s.color {
		return what
	}
	return c.Sprint(what)
}

// List writes names and descriptions in two aligned columns.
func (s Screen) List(lines [][2]string) {
	for _, l := range lines {
		fmt.Fprintf(s.Out, "  %s%s\n", text.Pad(l[0], 11, ' '), l[1])
	}
}
