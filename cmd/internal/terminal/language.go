package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// A Language is one in which commands write to operators. The zero value is English.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

var errLanguage = errors.New("is neither zh nor en")

// Set implements pflag.Value.
func (l *Language) Set(s string) error {
	switch Language(s) {
	case English, Chinese:
		*l = Language(s)
		return nil
	}
	return errLanguage
}

// String implements pflag.Value.
func (l *Language) String() string { return string(*l) }

// Type implements pflag.Value; it stands in the help.
func (*Language) Type() string { return "zh|en" }

// For returns w with the language of a command: that of --lang, or else that of the locale
// which LC_ALL, LC_MESSAGES or LANG names, in this order.
func (w Stdio) For(cmd *cobra.Command) Stdio {
	w.Language = English
	if given := cmd.Flag("lang"); given != nil && given.Changed {
		w.Language = Language(given.Value.String())
	} else if w.Getenv != nil && strings.HasPrefix(cmp.Or(w.Getenv("LC_ALL"), w.Getenv("LC_MESSAGES"), w.Getenv("LANG")), "zh") {
		w.Language = Chinese
	}
	return w
}

// T returns an English text in l, formatted with args. The English text is the key in the table
// of Chinese ones; a test finds what the table lacks.
func (l Language) T(english string, args ...any) string {
	text := english
	if l == Chinese {
		text = cmp.Or(chinese[english], english)
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Row returns the headings of a table in l.
func (l Language) Row(english ...string) []any {
	row := make([]any, len(english))
	for i, text := range english {
		row[i] = l.T(text)
	}
	return row
}

// A Said can be said in each language.
type Said interface{ In(l Language) string }

// A Text is an error or a note that is said in the language of whoever reads it.
type Text struct {
	format, english string
	args            []any
}

// Textf returns a text of an English format. An argument that is a Said follows the language.
func Textf(english string, args ...any) *Text {
	return &Text{english, fmt.Sprintf(english, args...), args}
}

// Error implements error, in English.
func (t *Text) Error() string { return t.english }

// In implements Said.
func (t *Text) In(l Language) string {
	if l != Chinese {
		return t.english
	}
	args := make([]any, len(t.args))
	for i, arg := range t.args {
		args[i] = arg
		if said, ok := arg.(Said); ok {
			args[i] = said.In(l)
		}
	}
	return l.T(t.format, args...)
}

// Both is a text that is written in both languages where it stands.
type Both struct{ English, Chinese string }

// String implements fmt.Stringer, in English.
func (b Both) String() string { return b.English }

// In implements Said.
func (b Both) In(l Language) string {
	if l == Chinese {
		return b.Chinese
	}
	return b.English
}
