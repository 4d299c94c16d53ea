package alipay

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// The paths to which Alipay sends messages.
const (
	pathNotifications = "/alipay/notifications"
	pathSPI           = "/alipay/spi"
)

// Receiver returns the application that a message of Alipay names as its receiver, or "" for
// another request and for a message without one application. Nothing is verified by then: it
// says whose keys verify the message. The body remains to be read.
func Receiver(r *http.Request) string {
	switch {
	case r.URL.Path != pathNotifications && r.URL.Path != pathSPI:
		return ""
	case r.URL.Path == pathSPI && r.Method == http.MethodGet:
		return receiverIn(r.URL.RawQuery)
	case r.Method != http.MethodPost:
		return ""
	}
	whole := r.Body
	body, _ := io.ReadAll(io.LimitReader(whole, maxNotification+1)) // an error comes again to who reads the rest
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), whole), whole}
	if len(body) > maxNotification {
		return ""
	}
	return receiverIn(string(body))
}

// receiverIn returns the application of a form. In a message about an application that another
// one serves it is auth_app_id, else both are the same.
func receiverIn(form string) string {
	var app, served string
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		into := &app
		switch name {
		case "app_id":
		case "auth_app_id":
			into = &served
		default:
			continue
		}
		if *into != "" { // twice: none of them
			return ""
		}
		*into, _ = url.QueryUnescape(value)
	}
	return cmp.Or(served, app)
}
