package alipaysim

import (
	"encoding/json"
	"net/url"
	"slices"
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

// What makes a template message fail.
const (
	RefusesMessages = "refuses_messages" // story of a person who subscribed to none
	WrongTemplate   = "wrong-template"   // the template that does not exist
)

// templateMessage takes a message to a citizen it knows.
func (s *Sim) templateMessage(form url.Values) (any, *failure) {
	var in struct {
		ToUserID string `json:"to_user_id"`
		ToOpenID string `json:"to_open_id"`
		Template string `json:"user_template_id"`
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
	case s.people[i].Story == RefusesMessages:
		return nil, business("USER_NOT_SUBSCRIBED", "用户未订阅该消息")
	}
	s.record(form)
	return succeeded, nil
}
