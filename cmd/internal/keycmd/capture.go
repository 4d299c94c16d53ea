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

// A capture is a recorded HTTP message, with or without its head.
type capture struct {
	body        []byte // for a GET, the query
	posted      bool   // the head is of a POST or has a Content-Type
	contentType string
}

// Patterns of the first line of a head. A form does not match, because '=' comes before any ':'.
var (
	requestLine = regexp.MustCompile(`^(GET|POST) (\S+)`)
	headLine    = regexp.MustCompile(`^(HTTP/[0-9.]+ [0-9]{3}|(GET|POST) \S|[A-Za-z][A-Za-z0-9-]*:)`)
)

// parseCapture splits off the head, if there is one.
func parseCapture(raw []byte) (capture, error) {
	c := capture{body: raw}
	if headLine.Match(raw) {
		head, body, complete := cutHead(raw)
		c.body = body
		request := requestLine.FindStringSubmatch(head)
		if request != nil && request[1] == http.MethodGet {
			_, query, _ := strings.Cut(request[2], "?")
			c.body, complete = []byte(query), true
		} else {
			c.readHead(head, request != nil)
		}
		if !complete {
			return capture{}, errors.New("the headers are followed by no empty line and body")
		}
	}
	if len(bytes.TrimSpace(c.body)) == 0 {
		return capture{}, errors.New("the input contains no message")
	}
	return c, nil
}

// cutHead returns the text before and after the first empty line.
func cutHead(raw []byte) (head string, body []byte, complete bool) {
	end := headEnd.FindIndex(raw)
	if end == nil {
		return string(raw), nil, false
	}
	return string(raw[:end[0]]), raw[end[1]:], true
}

var headEnd = regexp.MustCompile(`\r?\n\r?\n`)

// readHead takes the Content-Type from the head. A Content-Type implies a body and
// therefore a POST.
func (c *capture) readHead(head string, posted bool) {
	c.posted = posted
	for line := range strings.Lines(head) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Type") {
			c.posted, c.contentType = true, strings.TrimSpace(value)
		}
	}
}

// diagnose is signing.Diagnose plus the checks that need the head.
func (c capture) diagnose(keyring *keys.AlipayKeyring) signing.Report {
	r := signing.Diagnose(keyring, c.body)
	kind, _, _ := mime.ParseMediaType(c.contentType)
	form := r.Family != "response" && r.Family != "phone"
	if r.Verdict == nil && form && c.posted && kind != "application/x-www-form-urlencoded" {
		_, r.Verdict = signing.VerifyNotification(keyring, c.body, c.contentType)
		r.Reason = "the signature is valid, but Content-Type is not application/x-www-form-urlencoded; a proxy may have changed it"
	}
	return r
}
