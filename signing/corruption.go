package signing

import (
	"bytes"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// A corruption is a known way in which a message is altered between Alipay and this
// server. undo calls yield with each candidate for the original parameters.
type corruption struct {
	what string // description, for the operator
	undo func(params []param, yield func([]param))
}

// corruptions are tried in this order. Those that change all values come first.
var corruptions = []corruption{
	{"", func(p []param, yield func([]param)) { yield(p) }},
	{"a parameter is given twice, and the first value was signed", keepFirst},
	{"a parameter is given twice, and the last value was signed", keepLast},
	{"parameters with empty values were not signed, but are in the message", dropEmpty},
	{"'+' became a blank in the values (URL-decoded once too often, or sent without escaping)", restorePluses},
	{"the values are URL-encoded twice", values(decodeAgain)},
	{"the values are HTML-escaped (&quot; and the like)", values(html.UnescapeString)},
	{"the values have backslashes before quotes", values(strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`).Replace)},
	{"line ends were changed", values(strings.NewReplacer("\r\n", "\n").Replace)},
	{"line ends were changed", values(strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n").Replace)},
	{"the text was converted from GBK to UTF-8 before it was verified", values(encodeGBK)},
	{"the text was converted from UTF-8 to GBK before it was verified", values(convertGBK)},
	{"the values have blanks at their ends that were not signed", values(strings.TrimSpace)},
	{"a value was trimmed: it had a blank at its end", each(func(v string) []string { return []string{v + " ", " " + v} })},
	{"a value was URL-decoded twice", each(func(v string) []string {
		escaped := url.QueryEscape(v)
		return []string{escaped, lowerEscapes(escaped), url.PathEscape(v)}
	})},
	{"a parameter was added on the way (perhaps parameters of the URL were added to those of the body)", dropOne},
	{"a parameter is missing (parameters with empty values are signed, too)", addOne},
}

// values returns an undo function that applies f to every value.
func values(f func(string) string) func([]param, func([]param)) {
	return func(params []param, yield func([]param)) {
		changed := slices.Clone(params)
		for i := range changed {
			changed[i].value = f(changed[i].value)
		}
		yield(changed)
	}
}

// restorePluses replaces all blanks by '+'. If there are at most 10 blanks, it also
// yields every subset of the replacements.
func restorePluses(params []param, yield func([]param)) {
	values(func(v string) string { return strings.ReplaceAll(v, " ", "+") })(params, yield)
	var blanks [][2]int // index of the parameter, offset in its value
	for i, p := range params {
		for j := range len(p.value) {
			if p.value[j] == ' ' && p.name != "sign" {
				blanks = append(blanks, [2]int{i, j})
			}
		}
	}
	if len(blanks) > 10 {
		return
	}
	for some := 1; some < 1<<len(blanks); some++ {
		changed := slices.Clone(params)
		for k, at := range blanks {
			if some>>k&1 == 1 {
				v := changed[at[0]].value
				changed[at[0]].value = v[:at[1]] + "+" + v[at[1]+1:]
			}
		}
		yield(changed)
	}
}

// each returns an undo function that yields every result of f for one value at a time.
func each(f func(string) []string) func([]param, func([]param)) {
	return func(params []param, yield func([]param)) {
		for i, p := range params {
			for _, value := range f(p.value) {
				changed := slices.Clone(params)
				changed[i].value = value
				yield(changed)
			}
		}
	}
}

func keepFirst(params []param, yield func([]param)) {
	var kept []param
	for _, p := range params {
		if !hasParam(kept, p.name) {
			kept = append(kept, p)
		}
	}
	if len(kept) < len(params) {
		yield(kept)
	}
}

func keepLast(params []param, yield func([]param)) {
	backwards := slices.Clone(params)
	slices.Reverse(backwards)
	keepFirst(backwards, yield)
}

func dropEmpty(params []param, yield func([]param)) {
	yield(slices.DeleteFunc(slices.Clone(params), func(p param) bool { return p.value == "" }))
}

func dropOne(params []param, yield func([]param)) {
	for i := range params {
		yield(slices.Delete(slices.Clone(params), i, i+1))
	}
}

// commonValues are the values tried for a parameter that is missing.
var commonValues = map[string][]string{
	"charset":     {"UTF-8", "utf-8", "GBK"},
	"version":     {"1.1", "1.0"},
	"msg_method":  {MethodCancelled},
	"notify_type": {"trade_status_sync"},
	"service":     {MethodGatewayCheck},
}

func addOne(params []param, yield func([]param)) {
	for name := range knownNames {
		if hasParam(params, name) {
			continue
		}
		for _, value := range append(commonValues[name], "") {
			yield(append(slices.Clone(params), param{name, value}))
		}
	}
}

func decodeAgain(v string) string {
	if decoded, err := url.QueryUnescape(v); err == nil {
		return decoded
	}
	return v
}

// lowerEscapes converts escapes such as %2F to %2f, the form of some encoders.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], bytes.ToLower(b[i:i+3]))
		}
	}
	return string(b)
}

func convertGBK(v string) string {
	if decoded, ok := decodeGBK(v); ok {
		return string(decoded)
	}
	return v
}

// differenceFrom describes how a text signed under r differs from one signed under right.
func (r Rule) differenceFrom(right Rule) string {
	switch {
	case r == right:
		return ""
	case r == NotifyV2:
		return "sign_type was signed, which this family of messages leaves out"
	}
	return "sign_type was not signed, which this family of messages includes"
}

// describe returns the rule in words.
func (r Rule) describe() string {
	if r == NotifyV2 {
		return "V2: all parameters except sign"
	}
	return "V1: all parameters except sign and sign_type"
}

// sortByName returns params sorted by name. Duplicates keep their order.
func sortByName(params []param) []param {
	return slices.SortedStableFunc(slices.Values(params), func(a, b param) int { return strings.Compare(a.name, b.name) })
}

// contentCorruptions are the known ways in which the content of a response is altered.
var contentCorruptions = []struct {
	what string
	undo func([]byte) []byte
}{
	{"", func(c []byte) []byte { return c }},
	{`"\/" was written as "/"`, func(c []byte) []byte { return bytes.ReplaceAll(c, []byte("/"), []byte(`\/`)) }},
	{`"/" was written as "\/"`, func(c []byte) []byte { return bytes.ReplaceAll(c, []byte(`\/`), []byte("/")) }},
	{"the JSON was encoded again with other white space", compactJSON},
	{"the content was HTML-escaped", func(c []byte) []byte { return []byte(html.UnescapeString(string(c))) }},
	{"'<', '>' and '&' were written as \\u003c, \\u003e and \\u0026", func(c []byte) []byte {
		return []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(c)))
	}},
	{"the content was signed without its quotes", func(c []byte) []byte { return bytes.Trim(c, `"`) }},
	{"the text was converted from GBK to UTF-8 before it was verified", func(c []byte) []byte { return []byte(encodeGBK(string(c))) }},
	{"the text was converted from UTF-8 to GBK before it was verified", func(c []byte) []byte { return []byte(convertGBK(string(c))) }},
}

func compactJSON(content []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, content) != nil {
		return content
	}
	return b.Bytes()
}
