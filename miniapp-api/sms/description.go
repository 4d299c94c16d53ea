package sms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A Description is the file that describes a gateway. Templates contain placeholders such as
// {{phone}}: in the body phone, text, code, template and id, the message's deduplication key; in
// headers timestamp, nonce, mac and key; in sign method, path, timestamp, nonce and body. A
// value is escaped for the body's media type.
type Description struct {
	Name      string            `json:"name"`
	URL       string            `json:"url"`
	Method    string            `json:"method"` // POST or PUT; a GET would have the phone in its URL
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
	Signature string            `json:"signature"` // in front of each text in 【】; "" if the gateway adds it

	// Templates are the gateway's template ids by kind of message, for a gateway that has the
	// texts itself. A kind without one is not sent.
	Templates map[string]string `json:"templates"`

	Sign      string `json:"sign"`      // what {{mac}}, an HMAC-SHA256 with the key, covers
	Encoding  string `json:"encoding"`  // of a MAC: hex or base64
	Timestamp string `json:"timestamp"` // unix or unix_ms

	Success Answer   `json:"success"`
	Refused Answer   `json:"refused"` // answers after which a repetition is useless
	Receipt *Receipt `json:"receipt"` // nil: the gateway reports no deliveries
}

// An Answer matches answers with one of the HTTP statuses whose body, JSON, has one of the
// values at a JSON pointer. Without a pointer the status decides.
type Answer struct {
	Status  []int    `json:"status"` // none: 200
	Pointer string   `json:"pointer"`
	Values  []string `json:"values"`
}

// A Receipt describes the signed requests with which the gateway reports deliveries.
type Receipt struct {
	MACHeader       string   `json:"mac_header"`
	TimestampHeader string   `json:"timestamp_header"`
	Sign            string   `json:"sign"`   // of timestamp and body
	ID              string   `json:"id"`     // JSON pointer to the message's {{id}}
	Status          string   `json:"status"` // JSON pointer
	Delivered       []string `json:"delivered"`
	Undelivered     []string `json:"undelivered"`
	Reply           string   `json:"reply"` // JSON that the gateway expects; "" = {}
}

// maxDescription bounds the file.
const maxDescription = 64 << 10

var (
	placeholder = regexp.MustCompile(`\{\{([a-z_]*)\}\}`)
	headerName  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

// parseDescription reads a file strictly and sets defaults. Errors name the field.
func parseDescription(data []byte) (Description, error) {
	var d Description
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(&d); err != nil {
		return d, fmt.Errorf("sms: the description of the gateway is not the JSON that is expected: %w", err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) || len(data) > maxDescription {
		return d, errors.New("sms: the description of the gateway has more than one value, or is too long")
	}
	for _, s := range []struct {
		field *string
		value string
	}{{&d.Method, http.MethodPost}, {&d.Encoding, "hex"}, {&d.Timestamp, "unix"}} {
		if *s.field == "" {
			*s.field = s.value
		}
	}
	return d, errors.Join(d.validate()...)
}

// validate returns every error.
func (d Description) validate() []error {
	var all []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("sms: "+format, args...))
		}
	}
	add(d.Name == "", "name is missing")
	add(d.Method != http.MethodPost && d.Method != http.MethodPut, "method is neither POST nor PUT")
	add(d.Encoding != "hex" && d.Encoding != "base64", "encoding is neither hex nor base64")
	add(d.Timestamp != "unix" && d.Timestamp != "unix_ms", "timestamp is neither unix nor unix_ms")
	add(strings.ContainsAny(d.Signature, "【】") || strings.ContainsFunc(d.Signature, unicode.IsControl), "signature is written without 【】")
	all = append(all, d.validateURL()...)
	all = append(all, d.validateHeaders()...)
	all = append(all, d.validateBody()...)
	add(d.Success.Pointer == "" && len(d.Success.Status) == 0, "success is missing")
	add(len(d.Success.Values) == 0 && d.Success.Pointer != "", "success has a pointer without values")
	add(d.Success.Pointer == "" && len(d.Success.Values) > 0, "success has values without a pointer")
	add(len(d.Refused.Values) > 0 && d.Refused.Pointer == "", "refused has values without a pointer")
	return append(all, d.validateReceipt()...)
}

// validateURL refuses what would show a secret or a phone to whoever logs URLs, and plain HTTP
// beyond this machine.
func (d Description) validateURL() []error {
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || placeholder.MatchString(d.URL):
		return []error{errors.New("sms: url is not an https URL without user, fragment and placeholders")}
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return []error{errors.New("sms: url is not https; http is for a gateway on this machine")}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d Description) validateHeaders() []error {
	all := unknownPlaceholders("sign", d.Sign, signValues)
	var proof bool
	for name, value := range d.Headers {
		if !headerName.MatchString(name) || strings.ContainsAny(value, "\r\n") {
			all = append(all, errors.New("sms: headers has an invalid name or value"))
		}
		all = append(all, unknownPlaceholders("headers", value, headerValues)...)
		proof = proof || strings.Contains(value, "{{mac}}") || strings.Contains(value, "{{key}}")
		if strings.Contains(value, "{{mac}}") && !strings.Contains(d.Sign, "{{body}}") {
			all = append(all, errors.New("sms: headers contains {{mac}}, but sign does not contain {{body}}"))
		}
	}
	if !proof {
		all = append(all, errors.New("sms: no header contains {{mac}} or {{key}}, so anyone could send in the centre's name"))
	}
	return all
}

// validateBody renders the body with values that need escaping.
func (d Description) validateBody() []error {
	all := unknownPlaceholders("body", d.Body, bodyValues)
	for _, needed := range []string{"phone", "id"} {
		if !strings.Contains(d.Body, "{{"+needed+"}}") {
			all = append(all, fmt.Errorf("sms: body does not contain {{%s}}", needed))
		}
	}
	if !strings.Contains(d.Body, "{{text}}") && !strings.Contains(d.Body, "{{template}}") {
		all = append(all, errors.New("sms: body contains neither {{text}} nor {{template}}"))
	}
	escape, err := d.escape()
	if err != nil {
		return append(all, err)
	}
	values := map[string]string{}
	for _, name := range bodyValues {
		values[name] = "\"\\\n&=【】"
	}
	if d.isJSON() && !json.Valid([]byte(render(d.Body, values, escape))) {
		all = append(all, errors.New("sms: body is not JSON once the placeholders are replaced; write them within quotes"))
	}
	return all
}

func (d Description) validateReceipt() []error {
	r := d.Receipt
	if r == nil {
		return nil
	}
	all := unknownPlaceholders("receipt.sign", r.Sign, []string{"timestamp", "body"})
	if !headerName.MatchString(r.MACHeader) || !headerName.MatchString(r.TimestampHeader) ||
		!strings.Contains(r.Sign, "{{timestamp}}") || !strings.Contains(r.Sign, "{{body}}") {
		all = append(all, errors.New("sms: receipt needs mac_header and timestamp_header, and sign with {{timestamp}} and {{body}}"))
	}
	if !strings.HasPrefix(r.ID, "/") || !strings.HasPrefix(r.Status, "/") || len(r.Delivered) == 0 || len(r.Undelivered) == 0 {
		all = append(all, errors.New("sms: receipt needs the JSON pointers id and status, and the values delivered and undelivered"))
	}
	if r.Reply != "" && !json.Valid([]byte(r.Reply)) {
		all = append(all, errors.New("sms: receipt.reply is not JSON"))
	}
	return all
}

// The placeholders of each template.
var (
	bodyValues   = []string{"phone", "text", "code", "template", "id"}
	headerValues = []string{"timestamp", "nonce", "mac", "key"}
	signValues   = []string{"method", "path", "timestamp", "nonce", "body"}
)

func unknownPlaceholders(field, template string, known []string) (all []error) {
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if !slices.Contains(known, m[1]) {
			all = append(all, fmt.Errorf("sms: %s contains {{%s}}, which has no value there", field, m[1]))
		}
	}
	return all
}

// render replaces the placeholders in one pass, so that a value is never taken for one.
func render(template string, values map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(template, func(m string) string { return escape(values[m[2:len(m)-2]]) })
}

func unescaped(s string) string { return s }

func (d Description) mediaType() string {
	for name, value := range d.Headers {
		if strings.EqualFold(name, "Content-Type") {
			media, _, _ := mime.ParseMediaType(value)
			return media
		}
	}
	return ""
}

func (d Description) isJSON() bool { return d.mediaType() == "application/json" }

// escape returns the escaping of values in the body.
func (d Description) escape() (func(string) string, error) {
	switch d.mediaType() {
	case "application/json":
		return jsonEscape, nil
	case "application/x-www-form-urlencoded":
		return url.QueryEscape, nil
	}
	return nil, errors.New("sms: the header Content-Type is neither application/json nor application/x-www-form-urlencoded")
}

// jsonEscape returns the inside of a JSON string.
func jsonEscape(s string) string {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	_ = out.Encode(s) // to memory
	return string(b.Bytes()[1 : b.Len()-2])
}
