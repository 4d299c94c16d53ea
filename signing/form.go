package signing

import (
	"fmt"
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
	array [maxParams]param
	n     int
}

// A param is one parameter, URL-decoded once and otherwise as received.
type param struct{ name, value string }

func (f *form) params() []param { return f.array[:f.n] }

// get returns the value of name and whether it is there: an empty value is.
func (f *form) get(name string) (value string, ok bool) {
	i := f.search(name)
	if i == f.n || f.array[i].name != name {
		return "", false
	}
	return f.array[i].value, true
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
	var b strings.Builder
	b.Grow(len(body))
	for more := true; more; {
		var pair []byte
		pair, body, more = cutByte(body, '&')
		if err := f.add(pair, &b); err != nil {
			return err
		}
	}
	return nil
}

// add decodes one pair behind what b holds and puts it in its place.
func (f *form) add(pair []byte, b *strings.Builder) error {
	name, raw, found := cutByte(pair, '=')
	if !found || !plainName(name) {
		return fmt.Errorf("%w: not name=value", ErrMalformed)
	}
	if f.n == maxParams {
		return fmt.Errorf("%w: over %d parameters", ErrMalformed, maxParams)
	}
	start := b.Len()
	b.Write(name)
	middle := b.Len()
	if !unescape(b, raw) {
		return fmt.Errorf("%w: value not URL-encoded", ErrMalformed)
	}
	text := b.String()
	p := param{name: text[start:middle], value: text[middle:]}
	i := f.search(p.name)
	if i < f.n && f.array[i].name == p.name {
		return fmt.Errorf("%w: %s", ErrDuplicateKey, shownName(p.name))
	}
	if p.name != "biz_content" && glued(p.value) { // that one is a document with an end of its own
		return fmt.Errorf("%w: another parameter inside the value of %s", ErrMalformed, shownName(p.name))
	}
	copy(f.array[i+1:f.n+1], f.array[i:f.n])
	f.array[i] = p
	f.n++
	return nil
}

func cutByte(s []byte, sep byte) (before, after []byte, found bool) {
	for i, c := range s {
		if c == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, nil, false
}

// plainName says whether name is as Alipay's are: nothing in it needs escaping.
func plainName(name []byte) bool {
	if len(name) == 0 || len(name) > maxName {
		return false
	}
	for _, c := range name {
		if bytesOf[c]&inName == 0 {
			return false
		}
	}
	return true
}

// unescape writes raw, decoded, to b. It reports false at a broken escape or at a
// byte that stands for itself with no encoder: control characters, blanks, ';'
// (some readers split there), anything beyond ASCII.
func unescape(b *strings.Builder, raw []byte) bool {
	from := 0
	for i := 0; i < len(raw); i++ {
		switch kind := bytesOf[raw[i]]; {
		case kind&literal != 0:
		case raw[i] == '+':
			b.Write(raw[from:i])
			b.WriteByte(' ')
			from = i + 1
		case raw[i] == '%' && i+2 < len(raw) && bytesOf[raw[i+1]]&bytesOf[raw[i+2]]&hexDigit != 0:
			b.Write(raw[from:i])
			b.WriteByte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			i += 2
			from = i + 1
		default:
			return false
		}
	}
	b.Write(raw[from:])
	return true
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

// glued says whether value has "&name=" with a known name in it. The signed text
// joins values with '&' and escapes nothing, so that a message with two parameters
// glued into one has a true signature, too; such a value is refused. biz_content is
// not looked at here: it must be one complete JSON or XML document, to whose end
// nothing can be glued.
func glued(value string) bool {
	for {
		i := strings.IndexByte(value, '&')
		if i < 0 {
			return false
		}
		value = value[i+1:]
		if name, _, found := strings.Cut(value, "="); found && knownNames[name] {
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

// text appends the text that is signed under rule, leaving out the parameter skip,
// to dst. It is Canonical for a form.
func (f *form) text(dst []byte, rule Rule, skip string) []byte {
	start := len(dst)
	for _, p := range f.params() {
		if p.name == skip || !rule.signs(p.name, p.value) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, '&')
		}
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}
