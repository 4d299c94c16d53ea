package httpapi_test

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// typeScript returns TypeScript declarations of the API's types, in the order of the file.
func typeScript(doc *openapi3.T) string {
	var b strings.Builder
	b.WriteString("// Generated from openapi.yaml by: go test ./miniapp-api/httpapi -run Contract -update\n\n")
	for _, name := range inOrder(doc.Components.Schemas, refOrigin) {
		declare(&b, name, doc.Components.Schemas[name].Value)
	}
	b.WriteString("/** The operations: method and path, body, data and error codes. */\nexport interface Operations {\n")
	calls := operationsOf(doc)
	for _, call := range inOrder(calls, func(o *openapi3.Operation) *openapi3.Origin { return o.Origin }) {
		if o := calls[call]; dataOf(o) != "" {
			fmt.Fprintf(&b, "  %s: { call: %q; body: %s; data: %s; codes: %s };\n",
				o.OperationID, call, bodyOf(o), dataOf(o), union(codesOf(o)))
		}
	}
	b.WriteString("}\n\n/** A reply of an operation. Switch on code. */\n" +
		"export type Reply<Name extends keyof Operations> =\n" +
		"  | (Omit<Success, 'data'> & { data: Operations[Name]['data'] })\n" +
		"  | (Omit<Problem, 'code'> & { code: Operations[Name]['codes'] | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' });\n")
	return b.String()
}

// inOrder returns the keys of a map in the order of the file.
func inOrder[V any](all map[string]V, origin func(V) *openapi3.Origin) []string {
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		x, y := origin(all[a]).Key, origin(all[b]).Key
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
}

func refOrigin(r *openapi3.SchemaRef) *openapi3.Origin { return r.Origin }

func declare(b *strings.Builder, name string, s *openapi3.Schema) {
	comment(b, "", s.Description)
	groups := choicesOf(s)
	switch {
	case !s.Type.Is("object"):
		fmt.Fprintf(b, "export type %s = %s;\n\n", name, valueType(s))
	case len(s.Properties) == 0:
		fmt.Fprintf(b, "export type %s = Record<string, never>;\n\n", name)
	case len(groups) > 0:
		declareEither(b, name, s, groups)
	default:
		fmt.Fprintf(b, "export interface %s {\n", name)
		declareFields(b, "  ", s, inOrder(s.Properties, refOrigin), s.Required)
		b.WriteString("}\n\n")
	}
}

func declareFields(b *strings.Builder, indent string, s *openapi3.Schema, names, required []string) {
	for _, name := range names {
		field := s.Properties[name]
		if field.Ref == "" {
			comment(b, indent, strings.TrimSpace(strings.TrimSpace(field.Value.Description)+rangeNote(field.Value)))
		}
		fmt.Fprintf(b, "%s%s: %s;\n", indent, fieldName(name, required), typeOf(field))
	}
}

// choicesOf returns the groups of fields of which an object must have exactly one.
func choicesOf(s *openapi3.Schema) (groups [][]string) {
	for _, one := range s.OneOf {
		if one.Value.Type == nil && len(one.Value.Required) > 0 {
			groups = append(groups, one.Value.Required)
		}
	}
	return groups
}

// declareEither declares a type that requires exactly one of the groups of fields.
func declareEither(b *strings.Builder, name string, s *openapi3.Schema, groups [][]string) {
	choices := slices.Concat(groups...)
	names := inOrder(s.Properties, refOrigin)
	fmt.Fprintf(b, "export type %s = (\n", name)
	for _, group := range groups {
		b.WriteString("  | {\n")
		for _, f := range names {
			switch {
			case slices.Contains(group, f):
				declareFields(b, "      ", s, []string{f}, group)
			case slices.Contains(choices, f):
				fmt.Fprintf(b, "      %s?: never;\n", f)
			}
		}
		b.WriteString("    }\n")
	}
	b.WriteString(")")
	if always := slices.DeleteFunc(names, func(f string) bool { return slices.Contains(choices, f) }); len(always) > 0 {
		b.WriteString(" & {\n")
		declareFields(b, "  ", s, always, s.Required)
		b.WriteString("}")
	}
	b.WriteString(";\n\n")
}

func fieldName(name string, required []string) string {
	if slices.Contains(required, name) {
		return name
	}
	return name + "?"
}

// rangeNote returns the limits and formats that TypeScript types cannot express.
func rangeNote(s *openapi3.Schema) (note string) {
	switch {
	case s.Min != nil || s.Max != nil:
		note = limits(number(s.Min), number(s.Max), "")
	case s.MinLength > 0 || s.MaxLength != nil:
		note = limits(strconv.FormatUint(s.MinLength, 10), count(s.MaxLength), " 字符 characters")
	case s.MinItems > 0 || s.MaxItems != nil:
		note = limits(strconv.FormatUint(s.MinItems, 10), count(s.MaxItems), " 项 items")
	}
	if s.Format != "" && s.Format != "password" {
		note += " [" + s.Format + "]"
	}
	return note
}

func limits(least, most, unit string) string {
	switch {
	case least == most:
		return " (" + least + unit + ")"
	case most == "":
		return " (≥ " + least + unit + ")"
	}
	return " (" + cmp.Or(least, "0") + "–" + most + unit + ")"
}

func number(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

func count(n *uint64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatUint(*n, 10)
}

func comment(b *strings.Builder, indent, text string) {
	if text = strings.TrimSpace(text); text != "" {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "*/", "* /"), "\n", "\n"+indent+" * ")
		fmt.Fprintf(b, "%s/** %s */\n", indent, strings.ReplaceAll(text, " * \n", " *\n"))
	}
}

// typeOf returns the type of a value: the name of its schema, or the type of an inline schema.
func typeOf(r *openapi3.SchemaRef) string {
	if r.Ref != "" {
		return path.Base(r.Ref)
	}
	return valueType(r.Value)
}

func valueType(s *openapi3.Schema) string {
	name := plainType(s)
	if s.Nullable {
		name += " | null"
	}
	return name
}

func plainType(s *openapi3.Schema) string {
	switch {
	case len(s.AllOf) == 1: // OpenAPI 3.0's way to add null or a text to a reference
		return typeOf(s.AllOf[0])
	case len(s.OneOf) > 0:
		return eitherOf(s.OneOf, typeOf)
	case s.Items != nil:
		return "Array<" + typeOf(s.Items) + ">"
	case len(s.Enum) > 0 && s.Type.Is("string"):
		return eitherOf(s.Enum, func(v any) string { return fmt.Sprintf("'%v'", v) })
	case len(s.Enum) > 0:
		return eitherOf(s.Enum, func(v any) string { return fmt.Sprint(v) })
	case s.Type == nil:
		return ""
	case s.Type.Is("integer"):
		return "number"
	case s.Type.Is("object") && len(s.Properties) > 0:
		var fields []string
		for _, f := range inOrder(s.Properties, refOrigin) {
			fields = append(fields, fieldName(f, s.Required)+": "+typeOf(s.Properties[f]))
		}
		return "{ " + strings.Join(fields, "; ") + " }"
	}
	return s.Type.Slice()[0]
}

func eitherOf[V any](all []V, write func(V) string) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = write(one)
	}
	return strings.Join(words, " | ")
}

func union(codes []string) string {
	return eitherOf(codes, func(code string) string { return "'" + code + "'" })
}

// codesOf returns the error codes of an operation by status. The name of a response consists of
// its codes.
func codesOf(o *openapi3.Operation) (codes []string) {
	responses := o.Responses.Map()
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if ref := responses[status].Ref; ref != "" {
			codes = append(codes, strings.Split(path.Base(ref), ".")...)
		}
	}
	return codes
}

func bodyOf(o *openapi3.Operation) string {
	if o.RequestBody == nil || o.RequestBody.Value.Content["application/json"] == nil {
		return "undefined"
	}
	return typeOf(o.RequestBody.Value.Content["application/json"].Schema)
}

// dataOf returns the type of data, or "" for a reply without an envelope.
func dataOf(o *openapi3.Operation) string {
	reply := o.Responses.Status(200).Value.Content["application/json"]
	if reply == nil || len(reply.Schema.Value.AllOf) < 2 {
		return ""
	}
	return typeOf(reply.Schema.Value.AllOf[1].Value.Properties["data"])
}

// The generated types contain every code, and those of a small API equal the expected text.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	doc, err := loadContract([]byte(`
openapi: 3.0.3
paths:
  /v1/a:
    post:
      operationId: doA
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
      responses:
        '200': {content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/Success'}, {type: object, properties: {data: {$ref: '#/components/schemas/Thing'}}}]}}}}
        '400': {$ref: '#/components/responses/BAD.WORSE'}
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
        yes: {type: boolean, enum: [true]}
    None: {type: object}
    Form:
      type: object
      required: [id]
      oneOf: [{required: [a, b]}, {required: [c]}]
      properties: {id: {type: string}, a: {type: string, description: An A}, b: {type: string}, c: {$ref: '#/components/schemas/Thing'}, d: {type: boolean}}
  responses: {BAD.WORSE: {description: Bad}}
`))
	must(t, err)
	got := typeScript(doc)
	for _, want := range []string{
		"  /** How many (≥ 0) */\n  n: number;\n", "  list: Array<'x' | 'y'>;\n", "  /** [date-time] */\n  at?: string | null;\n",
		"  part?: Success | null;\n", "  any?: string | object;\n", "  yes?: true;\n",
		"export type Form = (\n" +
			"  | {\n      /** An A */\n      a: string;\n      b: string;\n      c?: never;\n    }\n" +
			"  | {\n      a?: never;\n      b?: never;\n      c: Thing;\n    }\n) & {\n  id: string;\n  d?: boolean;\n};\n",
		"export type None = Record<string, never>;\n",
		`  doA: { call: "POST /v1/a"; body: Thing; data: Thing; codes: 'BAD' | 'WORSE' };`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}
