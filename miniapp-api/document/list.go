package document

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"fundpass/keys/calendar"
)

// ErrList is wrapped by every error of a list of documents.
var ErrList = errors.New("document: list")

// The ZJLX codes of the built-in list. 01 to 04 and 99 are those of JGJ/T 320; 20 is in use at
// centres. A centre's own list may use other codes, so compare a Kind instead.
const (
	Citizen           = "01"
	Military          = "02"
	Passport          = "03"
	PermanentResident = "04"
	HongKongMacao     = "20"
	Other             = "99"
)

// A Type is one entry of a centre's code list.
type Type struct {
	Code string `json:"code"` // ZJLX, VARCHAR(2) of JGJ/T 320
	Kind Kind   `json:"kind"`
	Name string `json:"name"` // Chinese, ready to show
	// CounterOnly means that the centre does not link holders of such a document online.
	CounterOnly bool `json:"counter_only,omitempty"`
}

// A List maps a centre's codes to documents. Several codes may have one kind; they then denote
// the same document, and so the same person. A List is immutable. The kind of a code must not
// change once people are imported under it, because Key depends on it.
type List struct {
	Name  string // the owner of the list, shown to operators
	types []Type
}

//go:embed documents.json
var builtin []byte

var defaultList = func() *List {
	l, err := ParseList(builtin)
	if err != nil {
		panic(err)
	}
	return l
}()

// Default returns the list for a centre without codes of its own.
func Default() *List { return defaultList }

// LoadList reads and parses a list from a file. Its error wraps ErrList and lists all problems.
func LoadList(path string) (*List, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	l, err := ParseList(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

const (
	maxListBytes = 64 << 10
	maxTypes     = 60
)

// ParseList parses a list in the form of documents.json. It rejects unknown, repeated and
// wrongly capitalised keys and trailing data. Its error wraps ErrList and lists all problems.
func ParseList(data []byte) (*List, error) {
	var file struct {
		Name      string `json:"name"`
		Documents []Type `json:"documents"`
	}
	if len(data) > maxListBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrList, maxListBytes)
	}
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	l := &List{Name: file.Name, types: file.Documents}
	if err := errors.Join(l.problems()...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	return l, nil
}

// problems returns everything that is invalid in the list.
func (l *List) problems() []error {
	var all []error
	if n := len(l.types); n == 0 || n > maxTypes {
		all = append(all, fmt.Errorf("%d documents, want 1 to %d", n, maxTypes))
	}
	if n := utf8.RuneCountInString(l.Name); n < 1 || n > 60 || !only(l.Name, unicode.IsPrint) {
		all = append(all, errors.New("name is not 1 to 60 printable characters"))
	}
	seen := map[string]bool{}
	for i, t := range l.types {
		note := func(format string, args ...any) {
			all = append(all, fmt.Errorf("document %d: %s", i+1, fmt.Sprintf(format, args...)))
		}
		if n := len(t.Code); n < 1 || n > 2 || !only(t.Code, alphanumeric) {
			note("code %q is not one or two of 0-9 and A-Z", t.Code)
		}
		if seen[t.Code] {
			note("duplicate code %q", t.Code)
		}
		seen[t.Code] = true
		if _, ok := kinds[t.Kind]; !ok {
			note("kind %q is none of %s", t.Kind, strings.Join(kindNames(), ", "))
		}
		if n := utf8.RuneCountInString(t.Name); n < 2 || n > 30 || !only(t.Name, ofTypeName) {
			note("name is not 2 to 30 Chinese characters, letters, digits or brackets")
		}
	}
	return all
}

func ofTypeName(r rune) bool {
	return unicode.Is(unicode.Han, r) || unicode.IsLetter(r) || digit(r) || strings.ContainsRune("()（）、/-", r)
}

// Types returns the entries in display order.
func (l *List) Types() []Type { return slices.Clone(l.types) }

// Type returns the entry with the centre's code, and whether it exists.
func (l *List) Type(code string) (Type, bool) {
	i := slices.IndexFunc(l.types, func(t Type) bool { return t.Code == code })
	if i < 0 {
		return Type{}, false
	}
	return l.types[i], true
}

// Parse parses a document number under the centre's code. It removes blanks, folds full-width
// characters and converts letters to upper case. It rejects every other character that does not
// belong to the type, such as invisible ones. Its error is ErrType or a *NumberError, which
// wraps ErrNumber.
func (l *List) Parse(code, number string) (Document, error) {
	t, ok := l.Type(code)
	if !ok {
		return Document{}, ErrType
	}
	return t.parse(number)
}

// ParseOn is Parse, but also rejects a birthday after now's date in Beijing.
func (l *List) ParseOn(now time.Time, code, number string) (Document, error) {
	d, err := l.Parse(code, number)
	if err == nil && d.Birthday() > now.In(calendar.Beijing).Format("20060102") {
		t, _ := l.Type(code)
		return Document{}, &NumberError{WrongDate, t.Kind}
	}
	return d, err
}

// Types returns the entries of the built-in list.
func Types() []Type { return defaultList.Types() }

// Parse is List.Parse with the built-in list.
func Parse(code, number string) (Document, error) { return defaultList.Parse(code, number) }
