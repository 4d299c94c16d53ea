package oidc

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// complete reports whether the claims have all names that the settings use.
func (c *Client) complete(all claims) bool {
	has := func(name string) bool { return name == "" || all[name] != nil }
	for name := range c.settings.Require {
		if !has(name) {
			return false
		}
	}
	return has(c.settings.Claims.Name) && has(c.settings.Claims.IDType) && has(c.settings.Claims.IDNumber)
}

// person returns the person whom verified claims are about. Name and number are as the issuer
// wrote them; whoever uses them validates them like typed ones.
func (c *Client) person(all claims) (Person, error) {
	for name, values := range c.settings.Require {
		if !slices.Contains(values, literal(all[name])) {
			return Person{}, fmt.Errorf("%w: claim %s", ErrUnverified, name)
		}
	}
	p := Person{Name: text(all[c.settings.Claims.Name]), IDNumber: text(all[c.settings.Claims.IDNumber])}
	idType := ""
	if c.settings.Claims.IDType != "" {
		if idType = literal(all[c.settings.Claims.IDType]); idType == "" {
			return Person{}, fmt.Errorf("%w: no document type", ErrNoDocument)
		}
	}
	p.IDType = c.settings.IDTypes[idType]
	switch {
	case p.Name == "":
		return Person{}, fmt.Errorf("%w: no name", ErrNoDocument)
	case p.IDNumber == "":
		return Person{}, fmt.Errorf("%w: no document number", ErrNoDocument)
	case p.IDType == "":
		return Person{}, fmt.Errorf("%w: unknown document type", ErrNoDocument)
	}
	return p, nil
}

// text returns a JSON string, or "" for any other value.
func text(v jsontext.Value) string {
	var s string
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// literal returns a JSON string, number or boolean as text, since issuers write document types
// and levels in each way, or "" for any other value.
func literal(v jsontext.Value) string {
	switch v.Kind() {
	case '0', 't', 'f':
		return string(v)
	}
	return text(v)
}
