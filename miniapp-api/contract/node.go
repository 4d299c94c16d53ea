package contract

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// A node is any value of the file. What is absent is the zero node.
type node struct{ v any }

// A pair is a key and its value.
type pair struct {
	key   string
	value node
}

func (n node) pairs() []pair {
	m, _ := n.v.(yaml.MapSlice)
	all := make([]pair, len(m))
	for i, item := range m {
		all[i] = pair{fmt.Sprint(item.Key), node{item.Value}}
	}
	return all
}

func (n node) get(keys ...string) node {
	for _, key := range keys {
		next := node{}
		for _, p := range n.pairs() {
			if p.key == key {
				next = p.value
			}
		}
		n = next
	}
	return n
}

func (n node) items() []node {
	list, _ := n.v.([]any)
	all := make([]node, len(list))
	for i, v := range list {
		all[i] = node{v}
	}
	return all
}

func (n node) texts() []string {
	var all []string
	for _, item := range n.items() {
		all = append(all, item.text())
	}
	return all
}

// text is a scalar as it is written; "" for nothing.
func (n node) text() string {
	if n.v == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(n.v))
}

func (n node) is() bool { b, _ := n.v.(bool); return b }

// json writes a value in the order of the file, two blanks a level.
func (n node) json(indent string) string {
	inner := indent + "  "
	switch v := n.v.(type) {
	case yaml.MapSlice:
		return block("{}", indent, each(n.pairs(), func(p pair) string { return quoted(p.key) + ": " + p.value.json(inner) }))
	case []any:
		return block("[]", indent, each(n.items(), func(item node) string { return item.json(inner) }))
	default:
		return quoted(v)
	}
}

func each[T any](all []T, f func(T) string) []string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = f(one)
	}
	return texts
}

func block(brackets, indent string, lines []string) string {
	if len(lines) == 0 {
		return brackets
	}
	inner := "\n" + indent + "  "
	return brackets[:1] + inner + strings.Join(lines, ","+inner) + "\n" + indent + brackets[1:]
}

// quoted is a scalar as JSON. YAML has no scalar that JSON has not.
func quoted(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSpace(b.String())
}
