package signing

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// readService parses the XML of a FamilyService message and sets n.Event and n.At:
//
//	<XML><AppId>..</AppId><EventType>verifygw</EventType><CreateTime>1767294245000</CreateTime>..</XML>
//
// It returns ErrWrongApp if AppId is not the receiver, and ErrMalformed.
func (n *Notification) readService(content []byte) error {
	members, err := xmlMembers(content)
	if err != nil {
		return err
	}
	if members["AppId"] != cmp.Or(n.Receiver, n.AppID) {
		return fmt.Errorf("%w: AppId of its XML", ErrWrongApp)
	}
	n.Event = members["EventType"]
	if n.Event != "" && !isIdentifier(n.Event) || n.Method == MethodGatewayCheck && n.Event != "verifygw" {
		return fmt.Errorf("%w: EventType", ErrMalformed)
	}
	if stamp := members["CreateTime"]; stamp != "" {
		ms, ok := decimal(stamp, 14)
		if !ok {
			return fmt.Errorf("%w: CreateTime is not in milliseconds", ErrMalformed)
		}
		n.At = time.UnixMilli(ms)
	}
	return nil
}

// xmlMembers returns the texts of the child elements of <XML> by name. It returns
// ErrMalformed for a duplicate element, a document type declaration, an undeclared
// entity, and anything outside <XML>. It resolves no external entities.
func xmlMembers(content []byte) (map[string]string, error) {
	dec := xml.NewDecoder(bytes.NewReader(content))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // readContent has converted it to UTF-8
	var p xmlParser
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && p.members != nil && len(p.path) == 0 {
			return p.members, nil
		}
		if err != nil || !p.step(token) {
			return nil, fmt.Errorf("%w: biz_content is not the expected XML", ErrMalformed)
		}
	}
}

// An xmlParser is the state of xmlMembers.
type xmlParser struct {
	members map[string]string // nil before <XML>
	path    []string          // the open elements
	text    strings.Builder   // of the open child of <XML>
}

// step processes a token. It returns false if the token is not allowed.
func (p *xmlParser) step(token xml.Token) bool {
	switch token := token.(type) {
	case xml.StartElement:
		return p.open(token.Name.Local)
	case xml.EndElement:
		if len(p.path) == 2 {
			p.members[p.path[1]] = p.text.String()
		}
		p.path = p.path[:len(p.path)-1]
	case xml.CharData:
		if len(p.path) == 2 {
			p.text.Write(token)
		} else if len(p.path) < 2 {
			return len(bytes.TrimSpace(token)) == 0
		}
	case xml.Directive:
		return false // a document type declaration
	}
	return true
}

// open processes a start element. It returns false if the element is not allowed.
func (p *xmlParser) open(name string) bool {
	switch len(p.path) {
	case 0:
		if p.members != nil || name != "XML" {
			return false
		}
		p.members = make(map[string]string)
	case 1:
		if _, twice := p.members[name]; twice {
			return false
		}
		p.text.Reset()
	}
	p.path = append(p.path, name)
	return len(p.path) <= maxDepth
}
