package selfservice

import (
	"errors"

	"fundpass/miniapp-api/document"
)

// counterOnly is the answer where neither the provider can prove a document nor the
// centre wants it linked online.
var counterOnly = FieldError{Field: "id_type", Code: "COUNTER_ONLY"}

// documentErrors says which field of a form is wrong and how, by a document
// that could not be read; nil when it could.
func documentErrors(err error) []FieldError {
	var number *document.NumberError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &number) && number.Reason == document.NoNumber:
		return []FieldError{{"id_number", "REQUIRED", number.Text()}}
	case errors.As(err, &number):
		return []FieldError{{"id_number", "INVALID", number.Text()}}
	}
	return []FieldError{{Field: "id_type", Code: "UNKNOWN"}}
}
