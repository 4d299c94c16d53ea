package alipaysim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Message is a call that affects a citizen: a template message or a face verification.
type Message struct {
	Method  string
	At      time.Time
	Content json.RawMessage // biz_content as sent
}

// record appends the call to s.messages, which keeps the last 1000. The caller holds mu.
func (s *Sim) record(form url.Values) {
	s.messages = append(s.messages, Message{
		Method:  form.Get("method"),
		At:      s.cfg.Now(),
		Content: json.RawMessage(form.Get("biz_content")),
	})
	s.messages = s.messages[max(0, len(s.messages)-1000):]
}

// Special templates. Every other id is that of a long-term template.
const (
	WrongTemplate = "wrong-template" // the id of a template that does not exist
	OneTime       = "-once"          // suffix of one-time templates: one message for each subscription
)

// A subscription is the key of the subscriptions.
type subscription struct{ person, template string }

// Subscribe sets the person's answer in the panel of my.requestSubscribeMessage. It
// returns ErrUnknownPerson.
func (s *Sim) Subscribe(person, template string, yes bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(person) < 0 {
		return ErrUnknownPerson
	}
	s.subscribed[subscription{person, template}] = yes
	return nil
}

// acceptsMessage reports whether p has subscribed to template. It uses up a one-time
// subscription. The caller holds mu.
func (s *Sim) acceptsMessage(p Person, template string) bool {
	of := subscription{p.Person, template}
	yes, asked := s.subscribed[of]
	if yes && strings.HasSuffix(template, OneTime) {
		delete(s.subscribed, of)
	}
	return yes || p.Subscribed && !asked
}

// templateMessage implements alipay.open.app.mini.templatemessage.send. The recipient must
// be known and must have subscribed to the template or submitted a form.
func (s *Sim) templateMessage(form url.Values) (any, *failure) {
	var in struct {
		ToUserID string `json:"to_user_id"`
		ToOpenID string `json:"to_open_id"`
		Template string `json:"user_template_id"`
		FormID   string `json:"form_id"`
		Page     string `json:"page"`
		Data     string `json:"data"` // JSON in a JSON string
	}
	if json.Unmarshal([]byte(form.Get("biz_content")), &in) != nil {
		return nil, invalid("illegal-json", "biz_content不是合法的JSON")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.people, func(p Person) bool {
		return in.ToOpenID != "" && s.openID(p) == in.ToOpenID || in.ToUserID != "" && s.disclose(p).UserID == in.ToUserID
	})
	switch {
	case in.Template == "" || in.Page == "" || len(in.Page) > 128 || !json.Valid([]byte(in.Data)):
		return nil, invalid("invalid-parameter", "参数无效")
	case in.Template == WrongTemplate:
		return nil, business("USER_TEMPLATE_ILLEGAL", "模板非法")
	case i < 0: // Alipay's sub_codes of this and the next case are not published
		return nil, business("USER_NOT_EXIST", "用户不存在")
	case in.FormID == "" && !s.acceptsMessage(s.people[i], in.Template):
		return nil, business("USER_NOT_SUBSCRIBED", "用户未订阅该消息")
	}
	s.record(form)
	return succeeded, nil
}
