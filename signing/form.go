package signing

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxForm   = 64 << 10 // bytes; real messages have 1 to 4 KiB
	maxParams = 64       // real messages have 8 to 40
	maxName   = 64       // bytes of a parameter's name
)

// A form is an application/x-www-form-urlencoded text taken apart, its parameters
// sorted by name and no name twice. It lives on the stack of who verifies.
type form struct {
	array   [maxParams]param
	n       int
	scratch [2 << 10]byte // what most messages need, off the heap
}

// A param is one parameter, URL-decoded once and otherwise as received.
type param struct{ name, value string }

func (f *form) params() []param { return f.array[:f.n] }

// get returns the value of name and whether it has one. An empty value says nothing:
// Alipay's own SDKs do not agree whether it is part of the message, see dropEmpty.
func (f *form) get(name string) (value string, ok bool) {
	i := f.search(name)
	if i == f.n || f.array[i].name != name {
		return "", false
	}
	return f.array[i].value, f.array[i].value != ""
}

// dropEmpty removes the parameters with empty values and returns whether there were any.
// Some of Alipay's SDKs sign them as "name=", others leave them out of the text; a
// message is tried first as it came and then without them. Nobody gains by appending
// them, because get treats them as absent.
func (f *form) dropEmpty() bool {
	kept := slices.DeleteFunc(f.params(), func(p param) bool { return p.value == "" })
	dropped := len(kept) < f.n
	f.n = len(kept)
	return dropped
}

// search returns where name is or would be.
func (f *form) search(name string) int {
	low, high := 0, f.n
	for low < high {
		mid := (low + high) / 2
		if f.array[mid].name < name {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// parse takes body apart. It refuses what two readers could read differently: a name
// given twice, a name that needs escaping, a pair that is none, an escape that is
// none, a byte that an encoder would have escaped, a value that may be two values
// glued together. Fails with ErrMalformed or ErrDuplicateKey.
func (f *form) parse(body []byte) error {
	if len(body) == 0 || len(body) > maxForm {
		return fmt.Errorf("%w: body empty or over 64 KiB", ErrMalformed)
	}
	decoded := f.scratch[:]
	if len(body) > len(decoded) {
		decoded = make([]byte, len(body))
	}
	var spans [maxParams]span
	n, err := unescape(decoded, body, &spans)
	if err != nil {
		return err
	}
	text := string(decoded[:spans[n-1].end])
	for _, s := range spans[:n] {
		if err := f.add(param{name: text[s.start:s.middle], value: text[s.middle:s.end]}); err != nil {
			return err
		}
	}
	return nil
}

// add puts p where it belongs.
func (f *form) add(p param) error {
	document := p.name == "biz_content"
	if document && strings.Contains(p.value, "&biz_content=") || !document && glued(p.value, knownNames) {
		return fmt.Errorf("%w: another parameter inside the value of %s", ErrMalformed, shownName(p.name))
	}
	i := f.n
	if i > 0 && p.name <= f.array[i-1].name {
		i = f.search(p.name)
		if f.array[i].name == p.name {
			return fmt.Errorf("%w: %s", ErrDuplicateKey, shownName(p.name))
		}
		copy(f.array[i+1:f.n+1], f.array[i:f.n])
	}
	f.array[i] = p
	f.n++
	return nil
}

// A span is where a parameter stands in decoded text: its name from start, its value
// from middle to end.
type span struct{ start, middle, end int }

// unescape decodes body into dst, which is no shorter, and returns how many
// parameters it has. Bytes that stand for themselves with no encoder are refused:
// control characters, blanks, ';' (some readers split there), anything beyond ASCII.
func unescape(dst, body []byte, spans *[maxParams]span) (n int, err error) {
	i, w := 0, 0
	for n < maxParams {
		s := &spans[n]
		s.start = w
		for ; i < len(body) && bytesOf[body[i]]&inName != 0; i++ {
			dst[w] = body[i]
			w++
		}
		if w == s.start || w-s.start > maxName || i == len(body) || body[i] != '=' {
			return 0, fmt.Errorf("%w: not name=value", ErrMalformed)
		}
		s.middle = w
		for i++; i < len(body); i++ {
			c := body[i]
			if bytesOf[c]&literal == 0 {
				if c == '&' {
					break
				}
				decoded, used := unescapeByte(body[i:])
				if used == 0 {
					return 0, fmt.Errorf("%w: value not URL-encoded", ErrMalformed)
				}
				c, i = decoded, i+used-1
			}
			dst[w] = c
			w++
		}
		s.end = w
		n++
		if i == len(body) {
			return n, nil
		}
		i++
	}
	return 0, fmt.Errorf("%w: over %d parameters", ErrMalformed, maxParams)
}

// unescapeByte returns the byte that the escape at the beginning of s stands for and
// how many bytes spell it, 0 when it is none.
func unescapeByte(s []byte) (c byte, used int) {
	switch {
	case s[0] == '+':
		return ' ', 1
	case s[0] == '%' && len(s) > 2 && bytesOf[s[1]]&bytesOf[s[2]]&hexDigit != 0:
		return unhex(s[1])<<4 | unhex(s[2]), 3
	}
	return 0, 0
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// What a byte of a form may be.
const (
	literal  = 1 << iota // stands for itself in a value
	inName               // may be in a name
	hexDigit             // may follow '%'
)

var bytesOf = func() (table [256]byte) {
	for c := byte('!'); c <= '~'; c++ {
		if !strings.ContainsRune("%&+;", rune(c)) {
			table[c] |= literal
		}
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'F', c >= 'a' && c <= 'f':
			table[c] |= inName | hexDigit
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '.', c == '-':
			table[c] |= inName
		}
	}
	return table
}()

// glued says whether value has "&name=" in it with one of names, nil meaning any. The
// signed text joins values with '&' and escapes nothing, so that a message with two
// parameters glued into one has a true signature, too; such a value is refused.
//
// biz_content may have any but itself inside: it must be one complete JSON or XML
// document, to whose end nothing can be glued, and add makes sure that it begins in one
// place only.
//
// Names that Alipay adds one day are not among names. A parameter of such a name may
// hide in the value before it, or a value may be cut at one, and the message still
// verifies: it reads the same, because what is read of it is in parameters that its
// family always has and whose values, biz_content apart, have no '&'.
func glued(value string, names map[string]bool) bool {
	for {
		i := strings.IndexByte(value, '&')
		if i < 0 {
			return false
		}
		value = value[i+1:]
		name, _, found := strings.Cut(value, "=")
		if found && (names[name] || names == nil && opaqueName(name)) {
			return true
		}
	}
}

// shownName returns name when it is Alipay's, or "?": a stranger's is not repeated.
func shownName(name string) string {
	if knownNames[name] {
		return name
	}
	return "?"
}
