// Package contract reads openapi.yaml as a front end's developer reads it, in
// the order it is written, and renders it as pages. It knows what openapi.yaml
// uses of OpenAPI 3.0.3 and no more.
package contract

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// ErrContract wraps everything that can be wrong with the file.
var ErrContract = errors.New("contract: openapi.yaml")

// A Document is the contract.
type Document struct {
	Title, Description string
	Tags               []Tag
	Schemas            []Schema  // in the order of the file
	Problems           []Problem // the error table, in its order
}

// A Tag is a group of operations.
type Tag struct {
	Name, Description string
	Operations        []Operation
}

// An Operation is one method of one path.
type Operation struct {
	Method, Path, ID, Summary, Description string

	Bearer     bool // needs a session
	Parameters []Field
	Request    *Body // nil without one
	Replies    []Body
	Problems   []string // the codes it can answer, by status
}

// A Body is a request's or a reply's content.
type Body struct {
	ContentType string
	Type        Type
	Example     string // JSON in the order of the file, or text; "" for none
}

// A Schema is a type with a name.
type Schema struct {
	Name string
	Type Type
}

// A Type is a shape of JSON. Exactly one of Ref, Kind and One is set, except that a
// reply's data is both Success and what All adds.
type Type struct {
	Ref         string // name of a Schema
	Kind        string // object, array, string, integer, boolean
	All         []Type // allOf
	One         []Type // oneOf, of a value
	Format      string // date-time, uuid, password ...
	Range       string // "0–100", "1–128 characters", "" for none
	Enum        []string
	Items       *Type
	Fields      []Field
	Either      [][]string // oneOf, of an object: the groups of fields of which exactly one is sent
	Closed      bool       // other fields are refused
	Nullable    bool
	Description string
}

// A Field is one property, or one parameter.
type Field struct {
	Name     string
	In       string // of a parameter: path, header
	Required bool
	Type     Type
}

// A Problem is one line of the error table and a reply with it.
type Problem struct {
	Code, Title, Next, Message string
	Status                     string
	Example                    string // JSON
}

// Read reads the file. Errors wrap ErrContract.
func Read(file []byte) (*Document, error) {
	var root any
	if err := yaml.UnmarshalWithOptions(file, &root, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContract, err)
	}
	r := reader{root: node{root}}
	d := r.document()
	if len(r.missing) > 0 {
		return nil, fmt.Errorf("%w: nothing stands at %s", ErrContract, strings.Join(r.missing, ", "))
	}
	return d, nil
}
