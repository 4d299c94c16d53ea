package terminal

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A Screen writes what an operator reads. Its columns count Chinese characters
// as two, which is how terminals show them.
type Screen struct {
	Out   io.Writer
	color bool
}

// NewScreen colors what it writes if out is a terminal.
func NewScreen(out io.Writer) Screen {
	f, ok := out.(*os.File)
	return Screen{Out: out, color: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// Title writes the first line of a screen.
func (s Screen) Title(title string) { fmt.Fprintf(s.Out, "%s\n", s.Paint(title, text.Bold)) }

// Heading begins a part of the screen.
func (s Screen) Heading(name string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(name, text.Bold)) }

// End writes the result.
func (s Screen) End(result string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(result, text.Bold)) }

// Paint colors a text, on a terminal.
func (s Screen) Paint(what string, c text.Color) string {
	if !s.color {
		return what
	}
	return c.Sprint(what)
}

// List writes names and what they are, the second column aligned.
func (s Screen) List(lines [][2]string) {
	for _, l := range lines {
		fmt.Fprintf(s.Out, "  %s%s\n", text.Pad(l[0], 11, ' '), l[1])
	}
}
