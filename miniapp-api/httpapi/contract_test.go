package httpapi_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// contractFile is openapi.yaml, parsed by an OpenAPI library.
var contractFile = sync.OnceValue(func() *openapi3.T {
	file, err := os.ReadFile("openapi.yaml")
	if err != nil {
		panic(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(file)
	if err != nil {
		panic(err)
	}
	return doc
})

// The file is valid OpenAPI, its examples match their schemas, and every operation has one tag
// with a description.
func TestContractIsValid(t *testing.T) {
	t.Parallel()
	if err := contractFile().Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	for call, op := range operations() {
		if len(op.Tags) != 1 || contractFile().Tags.Get(op.Tags[0]) == nil {
			t.Errorf("%s has the tags %q", call, op.Tags)
		}
	}
}

var echoParameter = regexp.MustCompile(`:([a-z_]+)`)

// written returns a route as the file writes it: POST /v1/password/changes/{id}/confirm.
func written(r httpapi.Route) string {
	return r.Method + " " + echoParameter.ReplaceAllString(r.Path, "{$1}")
}

// operations returns the operations by method and path.
func operations() map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for path, item := range contractFile().Paths.Map() {
		for method, op := range item.Operations() {
			all[method+" "+path] = op
		}
	}
	return all
}

// contractRoutes returns the routes of every channel and those of Alipay.
func contractRoutes() []httpapi.Route { return httpapi.RoutesOf(new(alipay.MiniProgram).Routes) }

// The file and the server have the same routes.
func TestContractRoutes(t *testing.T) {
	t.Parallel()
	left := operations()
	for _, r := range contractRoutes() {
		if left[written(r)] == nil {
			t.Errorf("%s is not in openapi.yaml", written(r))
		}
		delete(left, written(r))
	}
	for call := range left {
		t.Errorf("openapi.yaml has %s, which is not a route", call)
	}
}

// The server serves no documentation; the demo does.
func TestNoDocs(t *testing.T) {
	t.Parallel()
	p := newEnv(t).client()
	for _, path := range []string{"/openapi.yaml", "/docs", "/docs/errors", "/docs/"} {
		p.get(path).want(t, "NOT_FOUND")
	}
}

// The input and output types of handlers have exactly the fields of their schemas.
func TestContractFields(t *testing.T) {
	t.Parallel()
	for _, r := range contractRoutes() {
		op := operations()[written(r)]
		if r.In == nil || op == nil {
			continue
		}
		fromAlipay := r.In == reflect.TypeFor[jsontext.Value]() // handled as raw bytes
		if fromAlipay {
			r.In = reflect.TypeFor[alipay.PhoneRequest]()
		}
		data := op.Responses.Status(200).Value.Content["application/json"].Schema.Value.AllOf[1].Value.Properties["data"]
		compareType(t, written(r)+" data", data, r.Out)
		if op.RequestBody == nil {
			if r.In != reflect.TypeFor[httpapi.None]() {
				t.Errorf("%s takes a body that is not in openapi.yaml", written(r))
			}
			continue
		}
		body := op.RequestBody.Value.Content["application/json"].Schema
		compareType(t, written(r)+" body", body, r.In)
		if open := body.Value.AdditionalProperties.Has; !fromAlipay && (open == nil || *open) {
			t.Errorf("%s body: the server refuses other fields, openapi.yaml does not", written(r))
		}
	}
	schemas := contractFile().Components.Schemas
	compareType(t, "Success", schemas["Success"], reflect.TypeFor[httpapi.Success]())
	compareType(t, "Problem", schemas["Problem"], reflect.TypeFor[httpapi.Problem]())
}

// compareType compares a schema with the Go type that encodes it.
func compareType(t *testing.T, at string, ref *openapi3.SchemaRef, typ reflect.Type) {
	t.Helper()
	s := ref.Value
	nullable := s.Nullable
	if len(s.AllOf) == 1 {
		s = s.AllOf[0].Value
	}
	pointer := typ.Kind() == reflect.Pointer
	if pointer {
		typ = typ.Elem()
	}
	if nullable && !pointer {
		t.Errorf("%s: nullable, but %v is never null", at, typ)
	}
	kind, format := kindOf(typ)
	if kind == "" {
		if s.Type != nil {
			t.Errorf("%s: openapi.yaml says %v, the server takes any value", at, s.Type.Slice())
		}
		return
	}
	if !s.Type.Is(kind) || format != "" && s.Format != format {
		t.Errorf("%s: openapi.yaml says %v %s, the server %s %s", at, s.Type.Slice(), s.Format, kind, format)
	}
	switch kind {
	case "array":
		compareType(t, at+"[]", s.Items, typ.Elem())
	case "object":
		if typ.Kind() == reflect.Struct {
			compareFields(t, at, s, typ)
		}
	}
}

// kindOf returns the JSON type of a Go type, or "" for any value.
func kindOf(typ reflect.Type) (kind, format string) {
	switch typ {
	case reflect.TypeFor[time.Time]():
		return "string", "date-time"
	case reflect.TypeFor[uuid.UUID]():
		return "string", "uuid"
	case reflect.TypeFor[passwd.Secret]():
		return "string", "password"
	case reflect.TypeFor[jsontext.Value]():
		return "", ""
	}
	switch typ.Kind() {
	case reflect.String:
		return "string", ""
	case reflect.Bool:
		return "boolean", ""
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer", ""
	case reflect.Slice:
		return "array", ""
	}
	return "object", ""
}

// compareFields compares names, optional fields and nullable fields. The story tests which
// fields a request requires.
func compareFields(t *testing.T, at string, s *openapi3.Schema, typ reflect.Type) {
	t.Helper()
	left := map[string]bool{}
	for name := range s.Properties {
		left[name] = true
	}
	for f := range typ.Fields() {
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		property := s.Properties[name]
		if property == nil {
			t.Errorf("%s.%s is not in openapi.yaml", at, name)
			continue
		}
		delete(left, name)
		always := !strings.Contains(options, "omitempty")
		if !strings.HasSuffix(at, "body") && slices.Contains(s.Required, name) != always {
			t.Errorf("%s.%s: required is %v in openapi.yaml, %v on the server", at, name, !always, always)
		}
		if always && f.Type.Kind() == reflect.Pointer && !property.Value.Nullable && !strings.HasSuffix(at, "body") {
			t.Errorf("%s.%s may be null, but is not nullable in openapi.yaml", at, name)
		}
		compareType(t, at+"."+name, property, f.Type)
	}
	for name := range left {
		t.Errorf("%s.%s is in openapi.yaml, but not on the server", at, name)
	}
}

// Every kind and channel of an event is described.
func TestContractEvents(t *testing.T) {
	t.Parallel()
	fields := contractFile().Components.Schemas["Event"].Value.Properties
	word := regexp.MustCompile(`[a-z]+(_[a-z]+)*`)
	kinds := word.FindAllString(fields["kind"].Value.Description, -1)
	for kind := range httpapi.EventTexts {
		if !slices.Contains(kinds, kind) {
			t.Errorf("Event.kind does not name %s", kind)
		}
	}
	channels := word.FindAllString(fields["channel"].Value.Description, -1)
	for _, channel := range []string{store.ChannelAlipay, store.ChannelOperator, store.ChannelCounter, store.ChannelCentre} {
		if !slices.Contains(channels, channel) {
			t.Errorf("Event.channel does not name %s", channel)
		}
	}
}

// The file and the Catalogue have the same codes.
func TestContractCodes(t *testing.T) {
	t.Parallel()
	c := contractFile().Components
	var enum []string
	for _, code := range c.Schemas["Code"].Value.Enum {
		enum = append(enum, code.(string))
	}
	var table []string
	for _, e := range catalogue {
		table = append(table, e.Code)
		example := c.Examples[e.Code]
		if example == nil {
			t.Errorf("%s has no example", e.Code)
			continue
		}
		want := occurrence(e)
		got := example.Value.Value.(map[string]any)
		for field, value := range map[string]any{"code": e.Code, "status": float64(e.Status), "title": e.Title, "message": want, "type": httpapi.ProblemType + e.Code} {
			if diff := cmp.Diff(value, got[field]); diff != "" {
				t.Errorf("example %s.%s: %s", e.Code, field, diff)
			}
		}
	}
	if diff := cmp.Diff(table, enum); diff != "" {
		t.Errorf("Code differs from the table: %s", diff)
	}
	if len(c.Examples) != len(catalogue) {
		t.Errorf("%d examples, %d codes", len(c.Examples), len(catalogue))
	}
}

// Every code is used, under its own status.
func TestContractStatuses(t *testing.T) {
	t.Parallel()
	unused := map[string]bool{}
	for _, e := range catalogue {
		unused[e.Code] = true
	}
	delete(unused, httpapi.ErrNotFound.Code) // returned for unknown paths
	delete(unused, httpapi.ErrMethodNotAllowed.Code)
	delete(unused, "CENTER_UNKNOWN") // returned before a path is looked at
	for call, op := range operations() {
		for status, response := range op.Responses.Map() {
			problem := response.Value.Content["application/problem+json"]
			if problem == nil {
				continue
			}
			for code := range problem.Examples {
				delete(unused, code)
				if want := fmt.Sprint(entry(t, code).Status); status != want {
					t.Errorf("%s lists %s under %s, it is %s", call, code, status, want)
				}
			}
		}
	}
	for code := range unused {
		t.Errorf("no path of openapi.yaml returns %s", code)
	}
}
