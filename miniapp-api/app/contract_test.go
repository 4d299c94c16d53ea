package app_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"fundpass/miniapp-api/app"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
)

// contract is openapi.yaml, parsed by an OpenAPI library.
var contract = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(app.OpenAPI)
	if err != nil {
		panic(err)
	}
	return doc
})

var echoParameter = regexp.MustCompile(`:([a-z_]+)`)

// The file is valid OpenAPI and has the routes that only this channel has, with their fields.
func TestContract(t *testing.T) {
	t.Parallel()
	if err := contract().Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	left := map[string]*openapi3.Operation{}
	for path, item := range contract().Paths.Map() {
		for method, op := range item.Operations() {
			left[method+" "+path] = op
		}
	}
	for _, r := range new(app.App).Routes(nil) {
		call := r.Method + " " + echoParameter.ReplaceAllString(r.Path, "{$1}")
		op := left[call]
		if op == nil {
			t.Errorf("%s is not in openapi.yaml", call)
			continue
		}
		delete(left, call)
		compare(t, call+" data", op.Responses.Status(200).Value.Content["application/json"].Schema, r.Out)
		if op.RequestBody == nil {
			if r.In.NumField() > 0 {
				t.Errorf("%s takes a body that is not in openapi.yaml", call)
			}
			continue
		}
		body := op.RequestBody.Value.Content["application/json"].Schema
		compare(t, call+" body", body, r.In)
		if open := body.Value.AdditionalProperties.Has; open == nil || *open {
			t.Errorf("%s body: the server refuses other fields, openapi.yaml does not", call)
		}
	}
	for call := range left {
		t.Errorf("openapi.yaml has %s, which is no route", call)
	}
}

// compare compares a schema with the Go type that encodes it.
func compare(t *testing.T, at string, ref *openapi3.SchemaRef, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch kind := typ.Kind(); {
	case typ == reflect.TypeFor[jsontext.Value](): // any value
	case typ == reflect.TypeFor[passwd.Secret](), typ == reflect.TypeFor[uuid.UUID](), kind == reflect.String:
		expect(t, at, ref, "string")
	case kind == reflect.Bool:
		expect(t, at, ref, "boolean")
	case kind == reflect.Int:
		expect(t, at, ref, "integer")
	case kind == reflect.Slice:
		expect(t, at, ref, "array")
		compare(t, at+"[]", ref.Value.Items, typ.Elem())
	case kind == reflect.Struct && typ.Name() != "Time":
		compareFields(t, at, propertiesOf(ref), typ)
	default:
		expect(t, at, ref, "string")
	}
}

func expect(t *testing.T, at string, ref *openapi3.SchemaRef, kind string) {
	t.Helper()
	if !ref.Value.Type.Is(kind) {
		t.Errorf("%s: openapi.yaml says %v, the server %s", at, ref.Value.Type.Slice(), kind)
	}
}

// propertiesOf returns the properties of a schema and of those that it combines.
func propertiesOf(ref *openapi3.SchemaRef) openapi3.Schemas {
	all := openapi3.Schemas{}
	for name, p := range ref.Value.Properties {
		all[name] = p
	}
	for _, part := range ref.Value.AllOf {
		for name, p := range propertiesOf(part) {
			all[name] = p
		}
	}
	return all
}

func compareFields(t *testing.T, at string, properties openapi3.Schemas, typ reflect.Type) {
	t.Helper()
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		property := properties[name]
		if property == nil {
			t.Errorf("%s.%s is not in openapi.yaml", at, name)
			continue
		}
		delete(properties, name)
		compare(t, at+"."+name, property, f.Type)
	}
	for name := range properties {
		t.Errorf("%s.%s is in openapi.yaml, but not on the server", at, name)
	}
}

// Every code is in the catalogue with its status, and every reply of the tests is listed.
func TestContractCodes(t *testing.T) {
	t.Parallel()
	status := map[string]int{}
	for _, p := range httpapi.Catalogue(app.Words) {
		status[p.Code] = p.Status
		if p.Status == 0 || p.Title == "" || p.Message == "" || p.Next == "" {
			t.Errorf("%s has no status or text", p.Code)
		}
	}
	for path, item := range contract().Paths.Map() {
		for method, op := range item.Operations() {
			for want, response := range op.Responses.Map() {
				if want == "200" {
					continue
				}
				for code := range strings.SplitSeq(*response.Value.Description, " · ") {
					if got := status[code]; got == 0 || !strings.HasPrefix(want, string(rune('0'+got/100))) || want[1:] != twoDigits(got) {
						t.Errorf("%s %s lists %s under %s, it is %d", method, path, code, want, got)
					}
				}
			}
		}
	}
}

func twoDigits(status int) string {
	return string([]rune{rune('0' + status/10%10), rune('0' + status%10)})
}

// lists reports whether an operation can return a code.
func lists(method, path, code string) bool {
	op := contract().Paths.Find(path).GetOperation(method)
	for status, response := range op.Responses.Map() {
		if status == "200" && code == "OK" || slices.Contains(strings.Split(*response.Value.Description, " · "), code) {
			return true
		}
	}
	return false
}

// What every request of a kind can get, it gets where the contract lists it.
func TestContractReplies(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	d := h.signedIn(h.citizen())
	const id = "3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d"
	for path, item := range contract().Paths.Map() {
		for method, op := range item.Operations() {
			authed, at := op.Security == nil, strings.ReplaceAll(path, "{id}", id)
			send := func(body string, token string, proof bool) string {
				r := raw{method: method, path: at, body: body, token: token, scheme: "DPoP"}
				if proof {
					r.proofs = []string{prove(t, d, h.claims(method, at, token))}
				}
				if method == "GET" {
					r.body = ""
				}
				return h.send(r).Code
			}
			token := ""
			if authed {
				token = d.Token()
				if got := send("{}", "", true); got != "SESSION_REQUIRED" {
					t.Errorf("%s %s without a token: %s", method, path, got)
				}
				if got := send("{}", "unknown", true); got != "SESSION_EXPIRED" {
					t.Errorf("%s %s with an unknown token: %s", method, path, got)
				}
			}
			if got := send("{}", token, false); got != "INVALID_DPOP_PROOF" {
				t.Errorf("%s %s without a proof: %s", method, path, got)
			}
			if method == "POST" {
				for body, want := range map[string]string{"[": "BAD_REQUEST", `{"a":1}`: "BAD_REQUEST", strings.Repeat("a", 20<<10): "PAYLOAD_TOO_LARGE"} {
					if got := send(body, token, true); got != want || !lists(method, path, got) {
						t.Errorf("%s %s: %s, want %s", method, path, got, want)
					}
				}
			}
			if got := send("{}", token, true); !lists(method, path, got) {
				t.Errorf("%s %s: %s is not listed", method, path, got)
			}
		}
	}
}
