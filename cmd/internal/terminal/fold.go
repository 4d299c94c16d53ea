package terminal

import (
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// screenWidth returns the columns of a terminal, or 0 for anything else. Tests pass writers that
// have columns.
func screenWidth(out io.Writer) int {
	if screen, ok := out.(interface{ Columns() int }); ok {
		return screen.Columns()
	}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return width
}

// Fold returns s in lines that are at most width columns wide; 0 is no limit. It breaks a line
// at a blank or beside a Chinese character, and a longer word anywhere.
func Fold(s string, width int) string {
	if width <= 0 {
		return s
	}
	var all []string
	for line := range strings.SplitSeq(s, "\n") {
		all = append(all, foldLine([]rune(line), width)...)
	}
	return strings.Join(all, "\n")
}

func foldLine(rest []rune, width int) (lines []string) {
	for {
		end, used := 0, 0
		for end < len(rest) && used+text.RuneWidth(rest[end]) <= width {
			used += text.RuneWidth(rest[end])
			end++
		}
		if end == len(rest) {
			return append(lines, string(rest))
		}
		end = max(end, 1) // a character wider than the line
		cut := end
		for cut > 0 && !breaks(rest, cut) {
			cut--
		}
		if cut == 0 {
			cut = end
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(strings.TrimLeft(string(rest[cut:]), " "))
	}
}

// breaks reports whether a line may end before s[at]. No line begins with a closing mark.
func breaks(s []rune, at int) bool {
	before, after := s[at-1], s[at]
	if strings.ContainsRune("，。；：！？、）》”】,.;:)", after) {
		return false
	}
	return before == ' ' || after == ' ' || isWide(before) && !strings.ContainsRune("（《“【", before) || isWide(after)
}

func isWide(r rune) bool { return unicode.Is(unicode.Han, r) || text.RuneWidth(r) == 2 }
