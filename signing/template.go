package signing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/smartwalle/alipay/v3"
)

const methodTemplateMessage = "alipay.open.app.mini.templatemessage.send"

// Limits of Alipay's document of the method: bytes of page, characters of data.
const (
	maxMessagePage = 128
	maxMessageData = 2048
)

// A TemplateMessage is a message that Alipay shows to a user. Its text is a template that
// Alipay has approved; Keywords are inserted into it.
type TemplateMessage struct {
	To         Identity
	TemplateID string // user_template_id, from Alipay's console
	// FormID is the number of a form or trade that the user submitted in the last 7 days,
	// or "" if they have subscribed to the template (my.requestSubscribeMessage).
	FormID string
	// Page is the page of the mini-program that the message opens, with its query, at
	// most 128 bytes. Alipay has no field that identifies a repeated message, so a caller
	// that repeats should put an id into the query.
	Page     string
	Keywords []string // values of keyword1, keyword2, ... of the template
}

// SendTemplateMessage sends m (alipay.open.app.mini.templatemessage.send), without
// retries. It is not idempotent: the user gets a message for every call.
//
// Errors: ErrUndeliverable, after which a retry does not help; ErrUnavailable and
// ErrForged, after which the message may have been sent; ErrConfiguration (template,
// keywords, key or permission), after which an operator must act.
func (g *Gateway) SendTemplateMessage(ctx context.Context, m TemplateMessage) error {
	c := g.current.Load()
	p, err := m.payload(c.keyring.AppID())
	if err != nil {
		return err
	}
	var out struct{}
	err = c.call(ctx, p, &out)
	if errors.Is(err, ErrTokenInvalid) { // 40003 isv.invalid-auth-relations: the citizen withdrew
		return fmt.Errorf("%s: %w: the user has withdrawn the authorisation", methodTemplateMessage, ErrUndeliverable)
	}
	return err
}

// payload returns the request that sends m to an open_id or a user_id, by m.To.Kind.
func (m TemplateMessage) payload(appID string) (*alipay.Payload, error) {
	data, err := m.data()
	switch {
	case err != nil:
		return nil, err
	case m.To.AppID != appID:
		return nil, fmt.Errorf("%w: the user is of another application", ErrUndeliverable)
	case m.To.Value == "":
		return nil, fmt.Errorf("%w: message has no recipient", ErrUndeliverable)
	case m.TemplateID == "" || m.Page == "" || len(m.Page) > maxMessagePage:
		return nil, fmt.Errorf("%w: message has no template, or its page does not have 1 to %d bytes", ErrConfiguration, maxMessagePage)
	}
	to := "to_user_id"
	if m.To.Kind == "open_id" {
		to = "to_open_id"
	}
	p := alipay.NewPayload(methodTemplateMessage).AddBizField(to, m.To.Value).
		AddBizField("user_template_id", m.TemplateID).AddBizField("page", m.Page).AddBizField("data", data)
	if m.FormID != "" {
		p.AddBizField("form_id", m.FormID)
	}
	return p, nil
}

// data encodes the keywords as {"keyword1":{"value":"..."},...}.
func (m TemplateMessage) data() (string, error) {
	type keyword struct {
		Value string `json:"value"`
	}
	all := make(map[string]keyword, len(m.Keywords))
	for i, value := range m.Keywords {
		all["keyword"+strconv.Itoa(i+1)] = keyword{value}
	}
	raw, err := json.Marshal(all)
	if err != nil || utf8.RuneCount(raw) > maxMessageData {
		return "", fmt.Errorf("%w: keywords exceed %d characters", ErrConfiguration, maxMessageData)
	}
	return string(raw), nil
}
