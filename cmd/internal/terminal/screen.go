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

func NewScreen(out io.Writer) Screen {
	f, ok := out.(*os.File)
	return Screen{Out: out, color: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == ""}
}

func (s Screen) Title(title string)  { fmt.Fprintf(s.Out, "%s\n", s.Paint(title, text.Bold)) }
func (s Screen) Heading(name string) { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(name, text.Bold)) }
func (s Screen) End(result string)   { fmt.Fprintf(s.Out, "\n%s\n", s.Paint(result, text.Bold)) }

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
