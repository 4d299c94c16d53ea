package httpapi

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

// decode parses exactly one JSON value. It rejects unknown, duplicate and wrong-case keys,
// trailing data, invalid UTF-8 and control characters in strings. encoding/json accepts several
// of them, and two readers of such a body may see different values. An empty body is the empty
// object.
func decode(body []byte, in any) error {
	return DecodeWith(body, in, json.RejectUnknownMembers(true))
}

// DecodeWith is decode with the given JSON options. It returns selfservice.ErrBadRequest with
// the field that is wrong.
func DecodeWith(body []byte, in any, options ...json.Options) error {
	if len(body) == 0 {
		body = []byte("{}")
	}
	if err := json.Unmarshal(body, in, options...); err != nil {
		return selfservice.ErrBadRequest.WithFields(jsonField(err, in)).WithCause(errors.New("httpapi: body does not match the expected JSON"))
	}
	return rejectControls(in)
}

// jsonField returns the field error for a body that does not decode into in. It names known
// fields only: a key that the client invented may contain a secret.
func jsonField(err error, in any) selfservice.FieldError {
	var semantic *json.SemanticError
	known := errors.As(err, &semantic)
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return selfservice.FieldError{Code: "DUPLICATE_FIELD", Text: "同一字段重复提交"}
	case known && errors.Is(err, json.ErrUnknownName):
		return unknownField(semantic.JSONPointer, in)
	case known && semantic.JSONKind != 0:
		return selfservice.FieldError{Field: strings.TrimPrefix(string(semantic.JSONPointer), "/"), Code: "WRONG_TYPE", Text: "字段类型不正确"}
	}
	return selfservice.FieldError{Code: "INVALID_JSON", Text: "提交的内容不是有效的JSON"}
}

// unknownField names the field that an unknown key resembles except for case and underscores,
// or otherwise lists all fields, because the developer of a page sees the reply and not the
// log.
func unknownField(at jsontext.Pointer, in any) selfservice.FieldError {
	within, key := reflect.TypeOf(in).Elem(), ""
	for name := range at.Tokens() {
		if key != "" {
			within = fieldType(within, key)
		}
		key = name
	}
	fields := fieldNames(within)
	for _, name := range fields {
		if strings.EqualFold(strings.ReplaceAll(key, "_", ""), strings.ReplaceAll(name, "_", "")) {
			return selfservice.FieldError{Field: name, Code: "UNKNOWN_FIELD", Text: "字段名应为 " + name}
		}
	}
	if len(fields) == 0 {
		return selfservice.FieldError{Code: "UNKNOWN_FIELD", Text: "提交了无法识别的字段，此处不需要任何字段"}
	}
	return selfservice.FieldError{Code: "UNKNOWN_FIELD", Text: "提交了无法识别的字段，可用的字段：" + strings.Join(fields, "、")}
}

// fieldNames returns the JSON names of a struct's fields.
func fieldNames(t reflect.Type) []string {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// fieldType returns the struct type of the named field, dereferenced, or nil.
func fieldType(t reflect.Type, name string) reflect.Type {
	i := slices.Index(fieldNames(t), name)
	if i < 0 {
		return nil
	}
	f := t.Field(i).Type
	if f.Kind() == reflect.Pointer {
		f = f.Elem()
	}
	return f
}

// rejectControls returns ErrBadRequest if a string or Secret of a flat request struct contains
// a control character. A page that sends one is broken, and a password with one could not be
// typed again.
func rejectControls(in any) error {
	v := reflect.ValueOf(in).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		var text string
		switch f := v.Field(i).Interface().(type) {
		case string:
			text = f
		case passwd.Secret:
			text = f.Reveal()
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			return selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: name, Code: "CONTROL_CHARACTER"})
		}
	}
	return nil
}
