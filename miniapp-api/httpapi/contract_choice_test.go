package httpapi_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// freeFields returns the optional request fields: those in the examples and those that no
// example has.
func freeFields() (optional, others []string) {
	for _, op := range operations() {
		example := requestExample(op)
		if example == nil {
			continue
		}
		schema := op.RequestBody.Value.Content["application/json"].Schema.Value
		for name := range schema.Properties {
			_, sent := example[name]
			switch {
			case !sent:
				others = append(others, op.OperationID+"."+name)
			case !slices.Contains(schema.Required, name) && !slices.Contains(choices(op), name):
				optional = append(optional, op.OperationID+"."+name)
			}
		}
	}
	slices.Sort(optional)
	slices.Sort(others)
	return optional, others
}

// groups returns the groups of fields of which a body must have exactly one.
func groups(op *openapi3.Operation) [][]string {
	if requestExample(op) == nil {
		return nil
	}
	var all [][]string
	for _, choice := range op.RequestBody.Value.Content["application/json"].Schema.Value.OneOf {
		all = append(all, choice.Value.Required)
	}
	return all
}

// allows returns why a body violates its schema.
func allows(op *openapi3.Operation, body m) error {
	if op.RequestBody == nil {
		return nil
	}
	return op.RequestBody.Value.Content["application/json"].Schema.Value.VisitJSON(body)
}

func choices(op *openapi3.Operation) []string { return slices.Concat(groups(op)...) }

// varied returns the body as this story sends it.
func (s *story) varied(id string, op *openapi3.Operation, body m) m {
	s.t.Helper()
	delete(body, strings.TrimPrefix(s.omit, id+"."))
	name, mine := strings.CutPrefix(s.take, id+".")
	if !mine {
		return body
	}
	if strings.HasSuffix(name, "code") {
		s.h.issue(s.c, testResetCode)
	}
	less := maps.Clone(body)
	for _, other := range choices(op) {
		if slices.Contains(choices(op), name) {
			delete(less, other)
		}
	}
	less[name] = s.instead(name, body)
	if name == "face_first" { // does not create a link yet
		if err := allows(op, less); err != nil {
			s.t.Errorf("%s: openapi.yaml refuses what the server takes: %v", id, err)
		}
		s.p.post("/v1/link", less).want(s.t, "LINK_PROOF_REQUIRED")
		return body
	}
	return less
}

const testResetCode = "3141592653"

// instead returns the value of a field that replaces others of a body.
func (s *story) instead(name string, body m) any {
	s.t.Helper()
	switch name {
	case "proof":
		return "face"
	case "transfer", "face_first":
		return true
	case "face_id":
		return s.p.showFaceFirst(s.c)
	case "reset_code", "code":
		return testResetCode
	}
	passwords := m{}
	for field, short := range map[string]string{"password": "o", "old_password": "o", "new_password": "n", "new_password_again": "a"} {
		if value, sent := body[field]; sent {
			passwords[short] = value
		}
	}
	return s.p.ticket().seal(s.t, passwords)
}

// excluding sends the body with none of the exclusive groups, with two of them, and with part
// of one.
func (s *story) excluding(path string, op *openapi3.Operation, body m) {
	s.t.Helper()
	all := groups(op)
	common := maps.Clone(body)
	for _, name := range choices(op) {
		delete(common, name)
	}
	refused := func(groups ...[]string) {
		s.t.Helper()
		more := maps.Clone(common)
		names := slices.Concat(groups...)
		for _, name := range names {
			if more[name] = body[name]; body[name] == nil {
				more[name] = s.instead(name, body)
			}
		}
		if r := s.p.post(path, more); r.Code != "BAD_REQUEST" && r.Code != "PASSWORD_MISMATCH" || allows(op, more) == nil {
			s.t.Errorf("%s with %q of %q: %s", op.OperationID, names, all, r.Raw)
		}
	}
	for i, group := range all {
		refused()
		for _, other := range all[i+1:] {
			refused(group, other)
		}
		for j := range group {
			refused(slices.Delete(slices.Clone(group), j, j+1))
		}
	}
}
