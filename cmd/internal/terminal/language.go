package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// A Language is the language in which a command writes to operators. The zero value is English.
type Language string

// The languages of reports.
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

// Type implements pflag.Value; the help shows it.
func (*Language) Type() string { return "zh|en" }

// For returns w with the language of --lang, or else of the locale in LC_ALL, LC_MESSAGES or
// LANG, in this order.
func (w Stdio) For(cmd *cobra.Command) Stdio {
	w.Language = English
	if given := cmd.Flag("lang"); given != nil && given.Changed {
		w.Language = Language(given.Value.String())
	} else if w.Getenv != nil && strings.HasPrefix(cmp.Or(w.Getenv("LC_ALL"), w.Getenv("LC_MESSAGES"), w.Getenv("LANG")), "zh") {
		w.Language = Chinese
	}
	return w
}

// Asked is For after a call that failed, perhaps before --lang was reached.
func (w Stdio) Asked(root *cobra.Command, args []string) Stdio {
	for i, arg := range args {
		value, given := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(args) {
			value, given = args[i+1], true
		}
		if given {
			_ = root.PersistentFlags().Set("lang", value) // a wrong value is the error of the call
		}
	}
	return w.For(root)
}

// T returns an English text in l, formatted with args. The English text is the key of the
// Chinese one; a test finds missing keys.
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

// A Localized value has a text in each language.
type Localized interface{ In(l Language) string }

// A Text is an error or a note that is formatted in the language of its reader.
type Text struct {
	format, english string
	args            []any
}

// Textf returns a text with an English format. Arguments that are Localized follow the language.
func Textf(english string, args ...any) *Text {
	return &Text{english, fmt.Sprintf(english, args...), args}
}

// Error implements error, in English.
func (t *Text) Error() string { return t.english }

// In implements Localized.
func (t *Text) In(l Language) string {
	if l != Chinese {
		return t.english
	}
	args := make([]any, len(t.args))
	for i, arg := range t.args {
		args[i] = arg
		if text, ok := arg.(Localized); ok {
			args[i] = text.In(l)
		}
	}
	return l.T(t.format, args...)
}

// A Bilingual text brings its translation along.
type Bilingual struct{ English, Chinese string }

// String implements fmt.Stringer, in English.
func (b Bilingual) String() string { return b.English }

// In implements Localized.
func (b Bilingual) In(l Language) string {
	if l == Chinese {
		return b.Chinese
	}
	return b.English
}
