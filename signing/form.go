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

// A form is a parsed application/x-www-form-urlencoded text: parameters sorted by name,
// each name once. Its size is fixed so that verifiers can keep it on the stack.
type form struct {
	array   [maxParams]param
	n       int
	scratch [2 << 10]byte // avoids heap allocations for messages of up to 2 KiB
}

// A param is one parameter; name and value are URL-decoded once.
type param struct{ name, value string }

func (f *form) params() []param { return f.array[:f.n] }

// get returns the value of the parameter name. ok is false if the parameter is absent
// or empty. An empty value counts as absent because Alipay's SDKs disagree on whether
// it is signed; see dropEmpty.
func (f *form) get(name string) (value string, ok bool) {
	i := f.search(name)
	if i == f.n || f.array[i].name != name {
		return "", false
	}
	return f.array[i].value, f.array[i].value != ""
}

// dropEmpty removes the parameters with empty values and reports whether there were any.
// Some of Alipay's SDKs sign them as "name=", others omit them, so a message is verified
// first as received and then without them. An attacker gains nothing by adding empty
// parameters, because get treats them as absent.
func (f *form) dropEmpty() bool {
	kept := slices.DeleteFunc(f.params(), func(p param) bool { return p.value == "" })
	dropped := len(kept) < f.n
	f.n = len(kept)
	return dropped
}

// search returns the index of name, or the index at which it would be inserted.
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

// parse parses body into f. It rejects every input that two parsers could interpret
// differently: a duplicate name, a name that needs escaping, a pair without '=', an
// invalid escape, a byte that must be escaped, and a value that contains "&name=" with
// a known name. Errors: ErrMalformed, ErrDuplicateKey.
func (f *form) parse(body []byte) error {
	if len(body) == 0 || len(body) > maxForm {
		return fmt.Errorf("%w: body is empty or larger than 64 KiB", ErrMalformed)
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

// add inserts p in order. Errors: ErrMalformed, ErrDuplicateKey.
func (f *form) add(p param) error {
	document := p.name == "biz_content"
	if document && strings.Contains(p.value, "&biz_content=") || !document && embedsParam(p.value, knownNames) {
		return fmt.Errorf("%w: the value of %s contains another parameter", ErrMalformed, redactName(p.name))
	}
	i := f.n
	if i > 0 && p.name <= f.array[i-1].name {
		i = f.search(p.name)
		if f.array[i].name == p.name {
			return fmt.Errorf("%w: %s", ErrDuplicateKey, redactName(p.name))
		}
		copy(f.array[i+1:f.n+1], f.array[i:f.n])
	}
	f.array[i] = p
	f.n++
	return nil
}

// A span locates a parameter in the decoded text: the name is text[start:middle], the
// value is text[middle:end].
type span struct{ start, middle, end int }

// unescape decodes body into dst, which must be at least as long, fills spans and
// returns the number of parameters. It rejects bytes that every encoder escapes:
// control characters, blanks, non-ASCII bytes, and ';', at which some parsers split.
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
			return 0, fmt.Errorf("%w: parameter is not of the form name=value", ErrMalformed)
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
					return 0, fmt.Errorf("%w: value is not URL-encoded", ErrMalformed)
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
	return 0, fmt.Errorf("%w: more than %d parameters", ErrMalformed, maxParams)
}

// unescapeByte decodes the escape at the beginning of s. used is its length, 0 if s
// does not begin with an escape.
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

// Classes of the bytes of a form.
const (
	literal  = 1 << iota // needs no escape in a value
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

// embedsParam reports whether value contains "&name=" with one of names; nil means any
// name. The signed text joins parameters with '&' and escapes nothing, so two
// parameters that were merged into one value keep the signature of the original.
//
// biz_content may contain any "&name=" except its own: it must be one complete JSON or
// XML document, so nothing can be appended to it, and add makes sure that it begins in
// one place only.
//
// Parameters that Alipay introduces later are not in names. An attacker can merge such
// a parameter into the value before it, or split a value at its name, and the message
// still verifies. It is read the same, because readers use only parameters that every
// message of the family has and whose values, except biz_content, contain no '&'.
func embedsParam(value string, names map[string]bool) bool {
	for {
		i := strings.IndexByte(value, '&')
		if i < 0 {
			return false
		}
		value = value[i+1:]
		name, _, found := strings.Cut(value, "=")
		if found && (names[name] || names == nil && isIdentifier(name)) {
			return true
		}
	}
}

// redactName returns name if it is in knownNames and "?" otherwise, so that errors do
// not quote what a sender chose.
func redactName(name string) string {
	if knownNames[name] {
		return name
	}
	return "?"
}
