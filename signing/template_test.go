package signing_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fundpass/signing"
	"fundpass/signing/alipaysim"
)

// message returns a valid message to person.
func (s fixture) message(t testing.TB, person string) signing.TemplateMessage {
	t.Helper()
	grant, err := s.gate.Exchange(t.Context(), s.code(t, person))
	if err != nil {
		t.Fatal(err)
	}
	return signing.TemplateMessage{
		To: grant.Identity, TemplateID: "template", Page: "pages/freeze/index?notice=1",
		Keywords: []string{"密码已修改", "3月1日 08:05", `"引号"<&>`},
	}
}

func TestSendTemplateMessage(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	const data = `{"keyword1":{"value":"密码已修改"},"keyword2":{"value":"3月1日 08:05"},"keyword3":{"value":"\"引号\"\u003c\u0026\u003e"}}`
	for person, to := range map[string]string{"ok": "to_open_id", "old": "to_user_id", "both": "to_open_id"} {
		m := s.message(t, person)
		if err := s.gate.SendTemplateMessage(t.Context(), m); err != nil {
			t.Fatalf("%s: %v", person, err)
		}
		all := s.sim.Messages()
		var got map[string]string
		if err := json.Unmarshal(all[len(all)-1].Content, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{to: m.To.Value, "user_template_id": "template", "page": m.Page, "data": data}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", person, diff)
		}
	}
	m := s.message(t, "ok")
	m.FormID = "2017010100000000580012345678"
	if err := s.gate.SendTemplateMessage(t.Context(), m); err != nil {
		t.Error(err)
	}
	all := s.sim.Messages()
	if last := string(all[len(all)-1].Content); !strings.Contains(last, `"form_id":"2017010100000000580012345678"`) {
		t.Errorf("no form_id: %s", last)
	}
}

// ErrUndeliverable is distinguished from ErrUnavailable and from ErrConfiguration.
func TestSendTemplateMessageRefused(t *testing.T) {
	t.Parallel()
	s := newFixture(t, signing.Options{}, alipaysim.Config{})
	s.sim.Add(alipaysim.Person{Person: "quiet"})
	good := s.message(t, "ok")
	for _, c := range []struct {
		name   string
		change func(*signing.TemplateMessage)
		want   error
		asked  bool // whether Alipay was called
	}{
		{"not subscribed", func(m *signing.TemplateMessage) { *m = s.message(t, "quiet") }, signing.ErrUndeliverable, true},
		{"unknown citizen", func(m *signing.TemplateMessage) { m.To.Value = "nobody" }, signing.ErrUndeliverable, true},
		{"kinds are not mixed", func(m *signing.TemplateMessage) { m.To.Kind = "user_id" }, signing.ErrUndeliverable, true},
		{"no recipient", func(m *signing.TemplateMessage) { m.To.Value = "" }, signing.ErrUndeliverable, false},
		{"other application", func(m *signing.TemplateMessage) { m.To.AppID = "2021000000000009" }, signing.ErrUndeliverable, false},
		{"template unknown to Alipay", func(m *signing.TemplateMessage) { m.TemplateID = alipaysim.WrongTemplate }, signing.ErrConfiguration, true},
		{"no template", func(m *signing.TemplateMessage) { m.TemplateID = "" }, signing.ErrConfiguration, false},
		{"no page", func(m *signing.TemplateMessage) { m.Page = "" }, signing.ErrConfiguration, false},
		{"long page", func(m *signing.TemplateMessage) { m.Page = strings.Repeat("p", 129) }, signing.ErrConfiguration, false},
		{"long keyword", func(m *signing.TemplateMessage) { m.Keywords = []string{strings.Repeat("长", 2048)} }, signing.ErrConfiguration, false},
	} {
		m := good
		c.change(&m)
		before := s.sim.Calls("alipay.open.app.mini.templatemessage.send")
		err := s.gate.SendTemplateMessage(t.Context(), m)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), good.To.Value) {
			t.Errorf("%s: %v", c.name, err)
		}
		if asked := s.sim.Calls("alipay.open.app.mini.templatemessage.send") > before; asked != c.asked {
			t.Errorf("%s: asked Alipay: %v", c.name, asked)
		}
	}
	for _, fault := range []string{"error", "html_502", "unsigned", "bad_signature", "null_body", "other_root"} {
		if err := s.sim.Fault(fault, 1); err != nil {
			t.Fatal(err)
		}
		if err := s.gate.SendTemplateMessage(t.Context(), good); !errors.Is(err, signing.ErrUnavailable) || errors.Is(err, signing.ErrUndeliverable) {
			t.Errorf("%s: %v", fault, err)
		}
	}
}
