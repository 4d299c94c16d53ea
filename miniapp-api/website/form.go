package website

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
)

const (
	// fieldToken is the hidden field with the token of the form.
	fieldToken = "form"

	// formLife is how long a form can be sent.
	formLife = time.Hour

	// maxField is the largest length of a field, in bytes.
	maxField = 1024

	formMedia = "application/x-www-form-urlencoded"
)

// The errors of forms.
var (
	errForeign     = &selfservice.Error{Code: "FORM_FOREIGN"}
	errFormExpired = &selfservice.Error{Code: "FORM_EXPIRED"}
)

// A form is the fields of a POST request.
type form map[string]string

func (f form) secret(name string) passwd.Secret { return passwd.NewSecret(f[name]) }

// parseForm parses a body that must have exactly these fields, each once, and may have optional
// ones. It returns selfservice.ErrBadRequest for anything else, without naming what the client
// sent.
func parseForm(body []byte, fields, optional []string) (form, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, malformed("INVALID_FORM")
	}
	f := make(form, len(fields))
	for _, name := range slices.Concat(fields, optional) {
		all := values[name]
		switch {
		case len(all) == 0 && slices.Contains(optional, name):
			continue
		case len(all) != 1:
			return nil, malformed("MISSING_OR_REPEATED")
		case len(all[0]) > maxField && name != fieldToken, !utf8.ValidString(all[0]), strings.ContainsFunc(all[0], isControl):
			return nil, malformed("INVALID_FIELD")
		}
		f[name] = all[0]
	}
	for name := range values {
		if !slices.Contains(fields, name) && !slices.Contains(optional, name) {
			return nil, malformed("UNKNOWN_FIELD")
		}
	}
	return f, nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// malformed is an error of a form that no page of this site sends.
func malformed(code string) error {
	return selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Code: code, Text: "提交的内容不完整或格式不正确"})
}

// readForm returns the form of a POST request, which has no query.
func readForm(c echo.Context, fields []string, optional ...string) (form, []byte, error) {
	body, err := httpapi.ReadBody(c, formMedia)
	if err != nil {
		return nil, nil, err
	}
	if c.Request().URL.RawQuery != "" {
		return nil, nil, malformed("QUERY")
	}
	f, err := parseForm(body, fields, optional)
	return f, body, err
}

// A formToken is what the token of a form seals for one browser: an id, by which sending it
// twice is recognised, what it is for, and when it was made.
type formToken struct {
	ID   uuid.UUID `json:"i"`
	Path string    `json:"p"`
	At   time.Time `json:"t"`
}

const formPurpose = "form"

// newToken returns the token of a form that is sent to path.
func (s *Site) newToken(binding []byte, path string) (string, error) {
	return s.db.SealFor(formPurpose, binding, formToken{uuid.New(), path, s.db.Now()})
}

// openToken returns the token of a form that was sent to path. It returns errFormExpired for one
// that is too old, of another browser or session, or for another path.
func (s *Site) openToken(binding []byte, path, sealed string) (formToken, error) {
	var t formToken
	if binding == nil {
		return t, errFormExpired
	}
	if err := s.db.UnsealFor(formPurpose, binding, sealed, &t); err != nil || t.Path != path || s.db.Now().Sub(t.At) > formLife {
		return t, errFormExpired
	}
	return t, nil
}
