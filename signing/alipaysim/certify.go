package alipaysim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Message is a call that does something about a citizen beyond answering.
type Message struct {
	Method  string
	At      time.Time
	Content json.RawMessage // biz_content as sent
}

// record keeps the call for Messages, the last thousand of them. The caller holds mu.
func (s *Sim) record(form url.Values) {
	s.messages = append(s.messages, Message{
		Method:  form.Get("method"),
		At:      s.cfg.Now(),
		Content: json.RawMessage(form.Get("biz_content")),
	})
	s.messages = s.messages[max(0, len(s.messages)-1000):]
}

// Templates that behave otherwise than a long-term one that is in order.
const (
	WrongTemplate = "wrong-template" // does not exist
	OneTime       = "-once"          // ends the id of a one-time one: each subscription is good for one message
)

// A subscription is of a person to a template.
type subscription struct{ person, template string }

// Subscribe is the person's answer in the panel of my.requestSubscribeMessage. Fails with
// ErrUnknownPerson.
func (s *Sim) Subscribe(person, template string, yes bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(person) < 0 {
		return ErrUnknownPerson
	}
	s.subscribed[subscription{person, template}] = yes
	return nil
}

// takes says whether a person takes a message of a template, and uses a one-time
// subscription up. The caller holds mu.
func (s *Sim) takes(p Person, template string) bool {
	of := subscription{p.Person, template}
	yes, asked := s.subscribed[of]
	if yes && strings.HasSuffix(template, OneTime) {
		delete(s.subscribed, of)
	}
	return yes || p.Subscribed && !asked
}

// templateMessage takes a message to a citizen it knows, who has subscribed to the template
// or submitted a form.
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
		return in.ToOpenID != "" && s.openID(p) == in.ToOpenID || in.ToUserID != "" && s.named(p).UserID == in.ToUserID
	})
	switch {
	case in.Template == "" || in.Page == "" || len(in.Page) > 128 || !json.Valid([]byte(in.Data)):
		return nil, invalid("invalid-parameter", "参数无效")
	case in.Template == WrongTemplate:
		return nil, business("USER_TEMPLATE_ILLEGAL", "模板非法")
	case i < 0: // Alipay's own sub_codes of this and the next are not published
		return nil, business("USER_NOT_EXIST", "用户不存在")
	case in.FormID == "" && !s.takes(s.people[i], in.Template):
		return nil, business("USER_NOT_SUBSCRIBED", "用户未订阅该消息")
	}
	s.record(form)
	return succeeded, nil
}
