package selfservice

import (
	"errors"

	"fundpass/miniapp-api/document"
)

// counterOnly rejects a document that no accepted proof covers and that the centre does not
// link online.
var counterOnly = FieldError{Field: "id_type", Code: "COUNTER_ONLY"}

// documentErrors converts an error of package document into field errors; nil yields none.
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
