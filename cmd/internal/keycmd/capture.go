package keycmd

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"fundpass/keys"
	"fundpass/signing"
)

// A capture is one message of HTTP as somebody wrote it down.
type capture struct {
	body        []byte // of a GET, the query
	posted      bool   // it is known to have come in a POST, or with a Content-Type
	contentType string
}

// What the first line of a head looks like. A form has '=' before any ':'.
var (
	requestLine = regexp.MustCompile(`^(GET|POST) (\S+)`)
	headLine    = regexp.MustCompile(`^(HTTP/[0-9.]+ [0-9]{3}|(GET|POST) \S|[A-Za-z][A-Za-z0-9-]*:)`)
)

// parseCapture takes the head off, if there is one.
func parseCapture(raw []byte) (capture, error) {
	c := capture{body: raw}
	if headLine.Match(raw) {
		head, body, whole := cutHead(raw)
		c.body = body
		request := requestLine.FindStringSubmatch(head)
		if request != nil && request[1] == http.MethodGet {
			_, query, _ := strings.Cut(request[2], "?")
			c.body, whole = []byte(query), true
		} else {
			c.readHead(head, request != nil)
		}
		if !whole {
			return capture{}, errors.New("there are headers, but no empty line and body after them")
		}
	}
	if len(bytes.TrimSpace(c.body)) == 0 {
		return capture{}, errors.New("there is no message in it")
	}
	return c, nil
}

// cutHead returns what stands before and after the first empty line.
func cutHead(raw []byte) (head string, body []byte, whole bool) {
	end := headEnd.FindIndex(raw)
	if end == nil {
		return string(raw), nil, false
	}
	return string(raw[:end[0]]), raw[end[1]:], true
}

var headEnd = regexp.MustCompile(`\r?\n\r?\n`)

func (c *capture) readHead(head string, posted bool) {
	c.posted = posted
	for line := range strings.Lines(head) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Type") {
			c.posted, c.contentType = true, strings.TrimSpace(value)
		}
	}
}

// diagnose adds to signing.Diagnose what only the head can tell.
func (c capture) diagnose(keyring *keys.AlipayKeyring) signing.Report {
	r := signing.Diagnose(keyring, c.body)
	kind, _, _ := mime.ParseMediaType(c.contentType)
	form := r.Family != "response" && r.Family != "phone"
	if r.Verdict == nil && form && c.posted && kind != "application/x-www-form-urlencoded" {
		_, r.Verdict = signing.VerifyNotification(keyring, c.body, c.contentType)
		r.Reason = "the signature is right, but Content-Type is not application/x-www-form-urlencoded: something on the way changed it"
	}
	return r
}
