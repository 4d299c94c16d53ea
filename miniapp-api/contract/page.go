package contract

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// A Page is a document of its own: no address outside it, no script.
type Page struct {
	HTML   []byte
	Policy string // its Content-Security-Policy, which allows its own style only
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"lower":   strings.ToLower,
	"words":   func(t Type) template.HTML { return t.words() },
	"choices": Type.choices,
	"lines":   func(s string) []string { return paragraphs.Split(s, -1) },
	"style":   func() template.CSS { return template.CSS(pageCSS) },
}).Parse(pageHTML))

// paragraphs are apart by an empty line, as in Markdown.
var paragraphs = regexp.MustCompile(`\n\s*\n`)

// Paths renders every operation and type.
func (d *Document) Paths() (Page, error) { return d.render("paths") }

// Errors renders the table of codes; each has its code as its anchor.
func (d *Document) Errors() (Page, error) { return d.render("errors") }

func (d *Document) render(name string) (Page, error) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, d); err != nil {
		return Page{}, fmt.Errorf("%w: %w", ErrContract, err)
	}
	sum := sha256.Sum256([]byte(pageCSS))
	return Page{b.Bytes(), "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}, nil
}

// words is a type in one line. Names of schemas lead to their tables.
func (t Type) words() template.HTML {
	switch {
	case t.Ref != "":
		name := template.HTMLEscapeString(t.Ref)
		return template.HTML(`<a href="#`+name+`">`+name+`</a>`) + t.orNull()
	case t.Items != nil:
		return t.Items.words() + "[]" + t.orNull()
	case len(t.All) > 0:
		return t.reply()
	case len(t.One) > 0:
		return t.choice()
	}
	words := t.Kind
	if t.Format != "" {
		words += " " + t.Format
	}
	if len(t.Enum) > 0 {
		words = strings.Join(t.Enum, " | ")
	}
	if t.Range != "" {
		words += ", " + t.Range
	}
	return template.HTML(template.HTMLEscapeString(words)) + t.orNull()
}

func (t Type) orNull() template.HTML {
	if t.Nullable {
		return " | null"
	}
	return ""
}

// choice is a value of several types.
func (t Type) choice() template.HTML {
	var all []string
	for _, one := range t.One {
		all = append(all, string(one.words()))
	}
	return template.HTML(strings.Join(all, " | ")) + t.orNull()
}

// choices is of which fields exactly one group is sent; "" when there is no choice.
func (t Type) choices() string {
	var all []string
	for _, names := range t.Either {
		all = append(all, strings.Join(names, ", "))
	}
	return strings.Join(all, " | ")
}

// reply names what stands in the data of Success.
func (t Type) reply() template.HTML {
	var all []string
	for _, part := range t.All {
		if part.Ref != "" {
			all = append(all, string(part.words()))
		}
		for _, f := range part.Fields {
			all = append(all, template.HTMLEscapeString(f.Name)+": "+string(f.Type.words()))
		}
	}
	return template.HTML(strings.Join(all, ", "))
}
