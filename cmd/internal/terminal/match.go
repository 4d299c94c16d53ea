package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// verb matches a verb of a format; %[2]s has an index.
var verb = regexp.MustCompile(`%(?:\[(\d+)\])?[+#.\d]*[a-z]`)

// word matches what distinguishes a format.
var word = regexp.MustCompile(`[\pL]{3}`)

// A pattern recognizes the texts that one format of the table makes.
type pattern struct {
	format  string
	literal int    // characters that are no verbs
	holds   string // the longest literal
	text    *regexp.Regexp
}

// patterns are the formats of the table, those with the most literal characters first, because
// they are the most specific. A format of verbs and one short word, such as "%s of %s", is none:
// nearly every sentence would match it.
var patterns = sync.OnceValue(func() []pattern {
	var all []pattern
	for format := range chinese {
		verbs := verb.FindAllString(format, -1)
		literals := verb.Split(format, -1)
		rest := strings.Join(literals, "")
		if len(verbs) == 0 || !word.MatchString(rest) && !slices.Contains(verbs, "%d") || !strings.ContainsFunc(rest, unicode.IsLetter) {
			continue
		}
		text := "(?s)^" + regexp.QuoteMeta(literals[0])
		for i, v := range verbs {
			text += valueOf(v) + regexp.QuoteMeta(literals[i+1])
		}
		longest := slices.MaxFunc(literals, func(a, b string) int { return len(a) - len(b) })
		all = append(all, pattern{format, len(rest), longest, regexp.MustCompile(text + "$")})
	}
	slices.SortFunc(all, func(a, b pattern) int {
		return cmp.Or(b.literal-a.literal, strings.Compare(a.format, b.format))
	})
	return all
})

// valueOf matches what a verb formats.
func valueOf(verb string) string {
	switch verb[len(verb)-1] {
	case 'd':
		return `(-?[0-9]+)`
	case 'f', 'g':
		return `([0-9.e+-]+)`
	case 'q':
		return `("(?:[^"\\]|\\.)*"|'.*')` // a character is in single marks
	}
	return "(.*?)"
}

// packages begin the texts of their errors with their names, which say nothing to operators.
var packages = map[string]bool{"keys": true, "signing": true, "store": true, "pgconn": true, "passwd": true, "document": true}

// Match returns an English text in l that was formatted elsewhere, such as a help text or a
// finding of another package. It finds the format by the text. A text that the table does not
// have stays English.
func (l Language) Match(english string) string {
	if l != Chinese {
		return english
	}
	if text, ok := l.matchRow(english); ok {
		return text
	}
	first, rest, joined := strings.Cut(english, ": ")
	if !joined || rest == "" {
		return english
	}
	tail := l.Match(rest)
	if with, ok := l.matchOne(first + ": "); ok {
		return with + tail
	}
	head, ok := l.matchRow(first)
	switch {
	case packages[first] && tail != rest:
		return tail
	case ok:
		return head + "：" + tail
	case tail != rest:
		return first + "：" + tail
	}
	return english
}

// matchOne returns the Chinese of one text.
func (l Language) matchOne(english string) (string, bool) {
	if text, ok := chinese[english]; ok {
		return text, true
	}
	for _, p := range patterns() {
		if !strings.Contains(english, p.holds) {
			continue
		}
		if found := p.text.FindStringSubmatch(english); found != nil {
			return fill(chinese[p.format], l.matchAll(found[1:])), true
		}
	}
	return "", false
}

// matchRow returns the Chinese of a text, or of several that semicolons join.
func (l Language) matchRow(english string) (string, bool) {
	if text, ok := l.matchOne(english); ok {
		return text, true
	}
	for at := 0; ; {
		end := strings.Index(english[at:], "; ")
		if end < 0 {
			return "", false
		}
		end += at
		at = end + len("; ")
		if first, ok := l.matchOne(english[:end]); ok {
			if rest, ok := l.matchRow(english[at:]); ok {
				return first + "；" + rest, true
			}
		}
	}
}

// matchAll translates the parts of a text that are texts themselves. A single word is a name or
// a value.
func (l Language) matchAll(parts []string) []string {
	for i, part := range parts {
		if strings.Contains(part, " ") {
			parts[i] = l.Match(part)
		}
	}
	return parts
}

// fill puts values for the verbs of a format.
func fill(format string, values []string) string {
	next := 0
	text := verb.ReplaceAllStringFunc(format, func(v string) string {
		if at := verb.FindStringSubmatch(v)[1]; at != "" {
			next, _ = strconv.Atoi(at) // digits
			next--
		}
		if next >= len(values) {
			return v
		}
		next++
		return values[next-1]
	})
	return strings.ReplaceAll(text, "%%", "%")
}

// Of returns the text of an error in l. Errors of other packages that it wraps stay English
// where the table does not have them.
func (l Language) Of(err error) string {
	if own, ok := err.(Localized); ok {
		return own.In(l)
	}
	text := err.Error()
	if l != Chinese {
		return text
	}
	causes := causesOf(err)
	for i, cause := range causes {
		if own := cause.Error(); own != "" {
			text = strings.Replace(text, own, mark(i), 1)
		}
	}
	text = strings.ReplaceAll(l.matchLines(text), ": \x00", "：\x00")
	for i, cause := range causes {
		text = strings.Replace(text, mark(i), l.Of(cause), 1)
	}
	return text
}

// mark stands for a cause in the text of an error.
func mark(i int) string { return fmt.Sprintf("\x00%d\x00", i) }

// matchLines translates a text as a whole or, if the table has no such text, line by line.
func (l Language) matchLines(text string) string {
	if whole := l.Match(text); whole != text {
		return whole
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = l.Match(lines[i])
	}
	return strings.Join(lines, "\n")
}

// causesOf returns the errors that err wraps directly.
func causesOf(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if cause := errors.Unwrap(err); cause != nil {
		return []error{cause}
	}
	return nil
}
