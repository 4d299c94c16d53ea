package contract

import (
	"cmp"
	"slices"
	"strings"
)

// A reader turns nodes into a Document and remembers references that lead nowhere.
type reader struct {
	root    node
	missing []string
}

func (r *reader) document() *Document {
	d := &Document{Title: r.root.get("info", "title").text(), Description: r.root.get("info", "description").text()}
	for _, t := range r.root.get("tags").items() {
		d.Tags = append(d.Tags, Tag{Name: t.get("name").text(), Description: t.get("description").text()})
	}
	for _, path := range r.root.get("paths").pairs() {
		for _, op := range path.value.pairs() {
			r.file(d, op.value.get("tags").texts(), r.operation(path.key, op))
		}
	}
	for _, s := range r.root.get("components", "schemas").pairs() {
		d.Schemas = append(d.Schemas, Schema{s.key, r.typeOf(s.value)})
	}
	for _, e := range r.root.get("components", "examples").pairs() {
		d.Problems = append(d.Problems, problemOf(e))
	}
	return d
}

// file puts an operation under its first tag.
func (r *reader) file(d *Document, tags []string, o Operation) {
	for i := range d.Tags {
		if len(tags) > 0 && d.Tags[i].Name == tags[0] {
			d.Tags[i].Operations = append(d.Tags[i].Operations, o)
			return
		}
	}
	r.missing = append(r.missing, "tag of "+o.Method+" "+o.Path)
}

// resolve follows a reference inside the file.
func (r *reader) resolve(n node) node {
	ref := n.get("$ref").text()
	if ref == "" {
		return n
	}
	target := r.root.get(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	if target.v == nil {
		r.missing = append(r.missing, ref)
	}
	return target
}

func (r *reader) operation(path string, p pair) Operation {
	n := p.value
	o := Operation{
		Method: strings.ToUpper(p.key), Path: path, ID: n.get("operationId").text(),
		Summary: n.get("summary").text(), Description: n.get("description").text(),
		Bearer: n.get("security").v == nil,
	}
	for _, parameter := range n.get("parameters").items() {
		f := r.resolve(parameter)
		t := r.typeOf(f.get("schema"))
		t.Description = f.get("description").text()
		o.Parameters = append(o.Parameters, Field{f.get("name").text(), f.get("in").text(), f.get("required").is(), t})
	}
	if content := n.get("requestBody", "content").pairs(); len(content) > 0 {
		body := r.body(content[0])
		o.Request = &body
	}
	for _, reply := range n.get("responses").pairs() {
		for _, content := range r.resolve(reply.value).get("content").pairs() {
			if reply.key == "200" {
				o.Replies = append(o.Replies, r.body(content))
				continue
			}
			for _, example := range content.value.get("examples").pairs() {
				r.resolve(example.value)
				o.Problems = append(o.Problems, example.key)
			}
		}
	}
	return o
}

func (r *reader) body(content pair) Body {
	b := Body{ContentType: content.key, Type: r.typeOf(content.value.get("schema"))}
	if example := content.value.get("example"); example.v != nil {
		b.Example = example.json("")
		if text, ok := example.v.(string); ok {
			b.Example = text
		}
	}
	return b
}

func (r *reader) typeOf(n node) Type {
	if ref := n.get("$ref").text(); ref != "" {
		r.resolve(n)
		return Type{Ref: strings.TrimPrefix(ref, "#/components/schemas/")}
	}
	t := Type{
		Kind: n.get("type").text(), Format: n.get("format").text(), Range: rangeOf(n), Enum: n.get("enum").texts(),
		Nullable: n.get("nullable").is(), Description: n.get("description").text(),
		Closed: n.get("additionalProperties").v == false,
	}
	for _, part := range n.get("allOf").items() {
		t.All = append(t.All, r.typeOf(part))
	}
	if len(t.All) == 1 { // OpenAPI 3.0's way to add null or a text to a reference
		t.Ref, t.All = t.All[0].Ref, nil
	}
	for _, choice := range n.get("oneOf").items() {
		if names := choice.get("required").texts(); len(names) > 0 && choice.get("type").v == nil {
			t.Either = append(t.Either, names)
			continue
		}
		t.One = append(t.One, r.typeOf(choice))
	}
	if items := n.get("items"); items.v != nil {
		item := r.typeOf(items)
		t.Items = &item
	}
	required := n.get("required").texts()
	for _, p := range n.get("properties").pairs() {
		t.Fields = append(t.Fields, Field{Name: p.key, Required: slices.Contains(required, p.key), Type: r.typeOf(p.value)})
	}
	return t
}

// rangeOf says what a number, a text or a list is limited to.
func rangeOf(n node) string {
	for _, limit := range []struct{ least, most, unit string }{
		{"minimum", "maximum", ""}, {"minLength", "maxLength", " 字符 characters"}, {"minItems", "maxItems", " 项 items"},
	} {
		least, most := n.get(limit.least).text(), n.get(limit.most).text()
		switch {
		case least == "" && most == "":
			continue
		case least == most:
			return least + limit.unit
		case most == "":
			return "≥ " + least + limit.unit
		}
		return cmp.Or(least, "0") + "–" + most + limit.unit
	}
	return ""
}

func problemOf(e pair) Problem {
	v := e.value.get("value")
	return Problem{
		Code: e.key, Title: e.value.get("summary").text(), Next: e.value.get("description").text(),
		Message: v.get("message").text(), Status: v.get("status").text(), Example: v.json(""),
	}
}
