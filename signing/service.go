package signing

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// readService reads the XML of a FamilyService message:
//
//	<XML><AppId>..</AppId><EventType>verifygw</EventType><CreateTime>1767294245000</CreateTime>..</XML>
//
// AppId must be ours, whatever the form itself says.
func (n *Notification) readService(content []byte) error {
	said, err := xmlMembers(content)
	if err != nil {
		return err
	}
	if said["AppId"] != n.AppID {
		return fmt.Errorf("%w: AppId of its XML", ErrWrongApp)
	}
	n.Event = said["EventType"]
	if n.Event != "" && !opaqueName(n.Event) || n.Method == MethodGatewayCheck && n.Event != "verifygw" {
		return fmt.Errorf("%w: EventType", ErrMalformed)
	}
	if stamp := said["CreateTime"]; stamp != "" {
		ms, ok := decimal(stamp, 14)
		if !ok {
			return fmt.Errorf("%w: CreateTime is not in milliseconds", ErrMalformed)
		}
		n.At = time.UnixMilli(ms)
	}
	return nil
}

// xmlMembers returns the texts of the elements directly inside <XML>, each at most
// once. Nothing is fetched or expanded: a document type, entities of its own or
// anything but one element is ErrMalformed.
func xmlMembers(content []byte) (map[string]string, error) {
	dec := xml.NewDecoder(bytes.NewReader(content))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	var w xmlWalk
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && w.said != nil && len(w.path) == 0 {
			return w.said, nil
		}
		if err != nil || !w.step(token) {
			return nil, fmt.Errorf("%w: biz_content is not the XML expected", ErrMalformed)
		}
	}
}

// An xmlWalk is where in the document we are and what it said so far.
type xmlWalk struct {
	said map[string]string // nil = <XML> has not begun
	path []string          // the elements that are open
	text strings.Builder   // of the element directly inside <XML>
}

// step reports false at what must not be.
func (w *xmlWalk) step(token xml.Token) bool {
	switch token := token.(type) {
	case xml.StartElement:
		return w.open(token.Name.Local)
	case xml.EndElement:
		if len(w.path) == 2 {
			w.said[w.path[1]] = w.text.String()
		}
		w.path = w.path[:len(w.path)-1]
	case xml.CharData:
		if len(w.path) == 2 {
			w.text.Write(token)
		} else if len(w.path) < 2 {
			return len(bytes.TrimSpace(token)) == 0
		}
	case xml.Directive:
		return false // a document type
	}
	return true
}

func (w *xmlWalk) open(name string) bool {
	switch len(w.path) {
	case 0:
		if w.said != nil || name != "XML" {
			return false
		}
		w.said = make(map[string]string)
	case 1:
		if _, twice := w.said[name]; twice {
			return false
		}
		w.text.Reset()
	}
	w.path = append(w.path, name)
	return len(w.path) <= maxDepth
}
