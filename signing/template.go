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

// Longest values Alipay's document of the method names: bytes of page, characters of
// data.
const (
	maxMessagePage = 128
	maxMessageData = 2048
)

// A TemplateMessage is what a citizen finds among the messages of Alipay. Its words
// stand in a template that Alipay approved; only the keywords are ours.
type TemplateMessage struct {
	To         Identity
	TemplateID string // user_template_id, from Alipay's console
	// FormID is a form or trade number of the citizen's, good for 7 days after they
	// submitted it; "" where they subscribed to the template (my.requestSubscribeMessage).
	FormID string
	// Page of the mini-program that a tap opens, with its query. Alipay has no field to
	// recognise a repeated message by, so a caller that repeats says in the query which
	// message it is.
	Page     string
	Keywords []string // keyword1, keyword2, ... of the template
}

// SendTemplateMessage sends m (alipay.open.app.mini.templatemessage.send), once. Sending
// again shows the message again. Fails with ErrUndeliverable, after which trying again is
// of no use; with ErrUnavailable, ErrForged (it may have been sent) or ErrConfiguration
// (template, keywords, key or permission: an operator must act).
func (g *Gateway) SendTemplateMessage(ctx context.Context, m TemplateMessage) error {
	l := g.line.Load()
	p, err := m.payload(l.keyring.AppID())
	if err != nil {
		return err
	}
	var out struct{}
	err = l.call(ctx, p, &out)
	if errors.Is(err, ErrTokenInvalid) { // 40003 isv.invalid-auth-relations: the citizen withdrew
		return fmt.Errorf("%s: %w: citizen withdrew the authorisation", methodTemplateMessage, ErrUndeliverable)
	}
	return err
}

// payload puts open_id before user_id, as an Identity does.
func (m TemplateMessage) payload(appID string) (*alipay.Payload, error) {
	data, err := m.data()
	switch {
	case err != nil:
		return nil, err
	case m.To.AppID != appID:
		return nil, fmt.Errorf("%w: citizen of another application", ErrUndeliverable)
	case m.To.Value == "":
		return nil, fmt.Errorf("%w: nobody to send to", ErrUndeliverable)
	case m.TemplateID == "" || m.Page == "" || len(m.Page) > maxMessagePage:
		return nil, fmt.Errorf("%w: message without template, or page not of 1 to %d bytes", ErrConfiguration, maxMessagePage)
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

// data is {"keyword1":{"value":"..."},...}, JSON in a JSON string.
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
		return "", fmt.Errorf("%w: keywords over %d characters", ErrConfiguration, maxMessageData)
	}
	return string(raw), nil
}
