package contract

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `
info: {title: thing, description: "一\n\ntwo"}
tags: [{name: a, description: A}, {name: b, description: B}]
paths:
  /z:
    get:
      tags: [b]
      operationId: getZ
      summary: Z
      security: []
      parameters: [{$ref: '#/components/parameters/p'}]
      responses:
        '200': {content: {text/plain: {schema: {type: string, enum: [x, "y"]}, example: x}}}
  /a/{id}:
    post:
      tags: [a]
      operationId: postA
      summary: '<b>A</b>'
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/T'}, example: {b: 1, a: [true, null, '01']}}}}
      responses:
        '200': {content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/T'}, {type: object, properties: {data: {$ref: '#/components/schemas/U'}}}]}}}}
        '403': {$ref: '#/components/responses/NO'}
components:
  parameters: {p: {name: X-P, in: header, required: true, description: P, schema: {type: string, maxLength: 5}}}
  responses: {NO: {content: {application/problem+json: {examples: {NO: {$ref: '#/components/examples/NO'}}}}}}
  schemas:
    T:
      type: object
      required: [b]
      additionalProperties: false
      properties:
        b: {type: integer, minimum: 0, maximum: 9}
        u: {nullable: true, allOf: [{$ref: '#/components/schemas/U'}]}
        list: {type: array, items: {type: string, format: uuid}}
        c: {type: string}
        v: {oneOf: [{type: string}, {$ref: '#/components/schemas/U'}]}
      oneOf: [{required: [u]}, {required: [list, c]}]
    U: {type: string, minLength: 3, maxLength: 3}
  examples: {NO: {summary: Not so, description: Do else, value: {status: 403, message: 不行}}}
`

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	body := Type{Ref: "T"}
	want := &Document{
		Title: "thing", Description: "一\n\ntwo",
		Tags: []Tag{
			{"a", "A", []Operation{{
				Method: "POST", Path: "/a/{id}", ID: "postA", Summary: "<b>A</b>", Bearer: true,
				Request: &Body{"application/json", body, "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null,\n    \"01\"\n  ]\n}"},
				Replies: []Body{{ContentType: "application/json", Type: Type{All: []Type{
					body, {Kind: "object", Fields: []Field{{Name: "data", Type: Type{Ref: "U"}}}},
				}}}},
				Problems: []string{"NO"},
			}}},
			{"b", "B", []Operation{{
				Method: "GET", Path: "/z", ID: "getZ", Summary: "Z",
				Parameters: []Field{{"X-P", "header", true, Type{Kind: "string", Range: "0–5 字符 characters", Description: "P"}}},
				Replies:    []Body{{"text/plain", Type{Kind: "string", Enum: []string{"x", "y"}}, "x"}},
			}}},
		},
		Schemas: []Schema{
			{"T", Type{Kind: "object", Closed: true, Either: [][]string{{"u"}, {"list", "c"}}, Fields: []Field{
				{Name: "b", Required: true, Type: Type{Kind: "integer", Range: "0–9"}},
				{Name: "u", Type: Type{Ref: "U", Nullable: true}},
				{Name: "list", Type: Type{Kind: "array", Items: &Type{Kind: "string", Format: "uuid"}}},
				{Name: "c", Type: Type{Kind: "string"}},
				{Name: "v", Type: Type{One: []Type{{Kind: "string"}, {Ref: "U"}}}},
			}}},
			{"U", Type{Kind: "string", Range: "3 字符 characters"}},
		},
		Problems: []Problem{{"NO", "Not so", "Do else", "不行", "403", "{\n  \"status\": 403,\n  \"message\": \"不行\"\n}"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not YAML":         "a: [",
		"lost reference":   strings.Replace(small, "schemas/U'}}", "schemas/V'}}", 1),
		"lost response":    strings.Replace(small, "responses/NO'", "responses/YES'", 1),
		"lost example":     strings.Replace(small, "examples/NO'", "examples/YES'", 1),
		"lost parameter":   strings.Replace(small, "parameters/p'", "parameters/q'", 1),
		"tag of no number": strings.Replace(small, "tags: [b]", "tags: [c]", 1),
		"no tag":           strings.Replace(small, "tags: [b]", "tags: []", 1),
	} {
		if _, err := Read([]byte(text)); !errors.Is(err, ErrContract) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	d, err := Read([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	paths, err := d.Paths()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<p>一</p><p>two</p>`, `id="postA"`, `&lt;b&gt;A&lt;/b&gt;`, `<a href="#U">U</a> | null`, `string uuid[]`,
		`<code><a href="#T">T</a>, data: <a href="#U">U</a></code>`, `x | y`, `0–5 字符 characters`, `href="/docs/errors#NO"`,
		`<code>string | <a href="#U">U</a></code>`, `Exactly one of <code>u | list, c</code>`,
	} {
		if !strings.Contains(string(paths.HTML), want) {
			t.Errorf("lacks %q", want)
		}
	}
	if strings.Contains(string(paths.HTML), "<b>") {
		t.Error("a text of the file became HTML")
	}
	problems, err := d.Errors()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`id="NO"`, "不行", "Not so", "Do else", "403"} {
		if !strings.Contains(string(problems.HTML), want) {
			t.Errorf("the codes lack %q", want)
		}
	}
	if paths.Policy != problems.Policy || !strings.Contains(paths.Policy, "default-src 'none'") {
		t.Errorf("policy %q", paths.Policy)
	}
}
