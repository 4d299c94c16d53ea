package miniapp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fundpass/miniapp-api/contract"
)

// typeScript declares the contract's types for front ends: no code, no modules
// to install.
func typeScript(d *contract.Document) string {
	var b strings.Builder
	b.WriteString("// Written from openapi.yaml by: go test ./miniapp-api -run Contract -update\n\n")
	for _, s := range d.Schemas {
		declare(&b, s)
	}
	b.WriteString("/** Every operation: its method and path, what it takes and what stands in data. */\nexport interface Operations {\n")
	for _, tag := range d.Tags {
		for _, o := range tag.Operations {
			if data := dataOf(o); data != "" {
				fmt.Fprintf(&b, "  %s: { call: %q; body: %s; data: %s; codes: %s };\n",
					o.ID, o.Method+" "+o.Path, bodyOf(o), data, union(o.Problems))
			}
		}
	}
	b.WriteString("}\n\n/** A reply of an operation. Switch on code. */\n" +
		"export type Reply<Name extends keyof Operations> =\n" +
		"  | (Omit<Success, 'data'> & { data: Operations[Name]['data'] })\n" +
		"  | (Omit<Problem, 'code'> & { code: Operations[Name]['codes'] | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' });\n")
	return b.String()
}

func declare(b *strings.Builder, s contract.Schema) {
	comment(b, "", s.Type.Description)
	if s.Type.Kind != "object" {
		fmt.Fprintf(b, "export type %s = %s;\n\n", s.Name, typeOf(s.Type))
		return
	}
	if len(s.Type.Fields) == 0 {
		fmt.Fprintf(b, "export type %s = Record<string, never>;\n\n", s.Name)
		return
	}
	if len(s.Type.Either) > 0 {
		declareEither(b, s)
		return
	}
	fmt.Fprintf(b, "export interface %s {\n", s.Name)
	declareFields(b, "  ", s.Type.Fields)
	b.WriteString("}\n\n")
}

func declareFields(b *strings.Builder, indent string, fields []contract.Field) {
	for _, f := range fields {
		comment(b, indent, strings.TrimSpace(f.Type.Description+rangeNote(f.Type)))
		fmt.Fprintf(b, "%s%s: %s;\n", indent, fieldName(f), typeOf(f.Type))
	}
}

// declareEither makes the compiler refuse what the server refuses: none of the
// groups of fields, and two of them.
func declareEither(b *strings.Builder, s contract.Schema) {
	choices := slices.Concat(s.Type.Either...)
	var always []contract.Field
	for _, f := range s.Type.Fields {
		if !slices.Contains(choices, f.Name) {
			always = append(always, f)
		}
	}
	fmt.Fprintf(b, "export type %s = (\n", s.Name)
	for _, group := range s.Type.Either {
		b.WriteString("  | {\n")
		for _, f := range s.Type.Fields {
			switch {
			case slices.Contains(group, f.Name):
				f.Required = true
				declareFields(b, "      ", []contract.Field{f})
			case slices.Contains(choices, f.Name):
				fmt.Fprintf(b, "      %s?: never;\n", f.Name)
			}
		}
		b.WriteString("    }\n")
	}
	b.WriteString(")")
	if len(always) > 0 {
		b.WriteString(" & {\n")
		declareFields(b, "  ", always)
		b.WriteString("}")
	}
	b.WriteString(";\n\n")
}

func rangeNote(t contract.Type) string {
	var note string
	if t.Range != "" {
		note = " (" + t.Range + ")"
	}
	if t.Format != "" && t.Format != "password" {
		note += " [" + t.Format + "]"
	}
	return note
}

func fieldName(f contract.Field) string {
	if f.Required {
		return f.Name
	}
	return f.Name + "?"
}

func comment(b *strings.Builder, indent, text string) {
	if text != "" {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "*/", "* /"), "\n", "\n"+indent+" * ")
		fmt.Fprintf(b, "%s/** %s */\n", indent, strings.ReplaceAll(text, " * \n", " *\n"))
	}
}

func typeOf(t contract.Type) string {
	name := plainType(t)
	if t.Nullable {
		name += " | null"
	}
	return name
}

func plainType(t contract.Type) string {
	switch {
	case t.Ref != "":
		return t.Ref
	case len(t.One) > 0:
		var all []string
		for _, one := range t.One {
			all = append(all, typeOf(one))
		}
		return strings.Join(all, " | ")
	case t.Items != nil:
		return "Array<" + typeOf(*t.Items) + ">"
	case len(t.Enum) > 0 && t.Kind == "integer":
		return strings.Join(t.Enum, " | ")
	case len(t.Enum) > 0:
		return union(t.Enum)
	case t.Kind == "integer":
		return "number"
	case t.Kind == "object" && len(t.Fields) > 0:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, fieldName(f)+": "+typeOf(f.Type))
		}
		return "{ " + strings.Join(fields, "; ") + " }"
	case t.Kind == "object":
		return "object"
	}
	return t.Kind
}

func union(all []string) string {
	quoted := make([]string, len(all))
	for i, one := range all {
		quoted[i] = "'" + one + "'"
	}
	return strings.Join(quoted, " | ")
}

func bodyOf(o contract.Operation) string {
	if o.Request == nil {
		return "undefined"
	}
	return typeOf(o.Request.Type)
}

// dataOf is the type beside Success, or "" for a reply without an envelope.
func dataOf(o contract.Operation) string {
	for _, part := range o.Replies[0].Type.All {
		for _, f := range part.Fields {
			return typeOf(f.Type)
		}
	}
	return ""
}

// Every code is in the union, and what the generator writes of a small contract
// is what a reader expects.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	d, err := contract.Read([]byte(`
tags: [{name: a, description: A}]
paths:
  /v1/a:
    post:
      tags: [a]
      operationId: doA
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
      responses:
        '200': {content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/Success'}, {type: object, properties: {data: {$ref: '#/components/schemas/Thing'}}}]}}}}
        '400': {content: {application/problem+json: {examples: {BAD: {$ref: '#/components/examples/BAD'}}}}}
components:
  schemas:
    Success: {type: object, properties: {data: {type: object}}}
    Thing:
      type: object
      required: [n, list]
      properties:
        n: {type: integer, minimum: 0, description: How many}
        list: {type: array, items: {type: string, enum: [x, y]}}
        at: {type: string, format: date-time, nullable: true}
        part: {nullable: true, allOf: [{$ref: '#/components/schemas/Success'}]}
        any: {oneOf: [{type: string}, {type: object}]}
    None: {type: object}
    Form:
      type: object
      required: [id]
      oneOf: [{required: [a, b]}, {required: [c]}]
      properties: {id: {type: string}, a: {type: string, description: An A}, b: {type: string}, c: {$ref: '#/components/schemas/Thing'}, d: {type: boolean}}
  examples: {BAD: {value: {code: BAD}}}
`))
	must(t, err)
	got := typeScript(d)
	for _, want := range []string{
		"  /** How many (≥ 0) */\n  n: number;\n", "  list: Array<'x' | 'y'>;\n", "  /** [date-time] */\n  at?: string | null;\n",
		"  part?: Success | null;\n", "  any?: string | object;\n",
		"export type Form = (\n" +
			"  | {\n      /** An A */\n      a: string;\n      b: string;\n      c?: never;\n    }\n" +
			"  | {\n      a?: never;\n      b?: never;\n      c: Thing;\n    }\n) & {\n  id: string;\n  d?: boolean;\n};\n",
		"export type None = Record<string, never>;\n",
		`  doA: { call: "POST /v1/a"; body: Thing; data: Thing; codes: 'BAD' };`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}
