package alipaysim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/smartwalle/alipay/v3"

	"fundpass/signing/alipaysim"
)

const templateMethod = "alipay.open.app.mini.templatemessage.send"

// template returns a message to person ok, with changes.
func (s fixture) template(change map[string]string) *alipay.Payload {
	s.t.Helper()
	p := alipay.NewPayload(templateMethod)
	fields := map[string]string{
		"to_open_id": s.sim.People()[0].OpenID, "user_template_id": "t", "page": "pages/index", "data": `{"keyword1":{"value":"x"}}`,
	}
	for name, value := range change {
		fields[name] = value
	}
	for name, value := range fields {
		p.AddBizField(name, value)
	}
	return p
}

// Every reason to reject a message has its own sub_code.
func TestTemplateMessageRefusals(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	s.now.add(time.Since(start)) // the SDK always uses the system clock
	s.sim.Add(alipaysim.Person{Person: "quiet", OpenID: "074quiet"})
	client := newSDKClient(t, s)
	for want, change := range map[string]map[string]string{
		"":                      nil,
		"USER_TEMPLATE_ILLEGAL": {"user_template_id": alipaysim.WrongTemplate},
		"USER_NOT_EXIST":        {"to_open_id": "nobody"},
		"USER_NOT_SUBSCRIBED":   {"to_open_id": "074quiet"},
		"isv.invalid-parameter": {"page": "", "data": "no JSON"},
	} {
		var got struct{ alipay.Error }
		if err := client.Request(t.Context(), s.template(change), &got); err != nil || got.SubCode != want {
			t.Errorf("got %+v, %v, want %q", got, err, want)
		}
	}
	if n := len(s.sim.Messages()); n != 1 {
		t.Errorf("%d messages were accepted", n)
	}
}

// A message requires a subscription to its template, or a form. A one-time subscription
// allows one message.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	s := newFixture(t, alipaysim.Config{})
	s.now.add(time.Since(start)) // the SDK always uses the system clock
	s.sim.Add(alipaysim.Person{Person: "quiet", OpenID: "074quiet"})
	client := newSDKClient(t, s)
	send := func(template, form, want string) {
		t.Helper()
		change := map[string]string{"to_open_id": "074quiet", "user_template_id": template}
		if form != "" {
			change["form_id"] = form
		}
		var got struct{ alipay.Error }
		if err := client.Request(t.Context(), s.template(change), &got); err != nil || got.SubCode != want {
			t.Errorf("%s: got %+v, %v, want %q", template, got, err, want)
		}
	}
	const refused, once = "USER_NOT_SUBSCRIBED", "t" + alipaysim.OneTime
	send("t", "", refused)
	send("t", "form", "")
	subscribe := func(body string) {
		t.Helper()
		w := httptest.NewRecorder()
		s.sim.ServeHTTP(w, httptest.NewRequest("POST", "/sim/subscribe", strings.NewReader(body)))
		if w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	subscribe(`{"person":"quiet","templates":["t","` + once + `"],"accepted":true}`)
	send("t", "", "")
	send("t", "", "")
	send("another", "", refused)
	send(once, "", "")
	send(once, "", refused)
	subscribe(`{"person":"quiet","templates":["t"],"accepted":false}`)
	send("t", "", refused)
}

// A fault applies to the next call; with SpareMessages not to template messages.
func TestSpareMessages(t *testing.T) {
	t.Parallel()
	for _, spare := range []bool{false, true} {
		s := newFixture(t, alipaysim.Config{SpareMessages: spare})
		s.now.add(time.Since(start)) // the SDK always uses the system clock
		client := newSDKClient(t, s)
		if err := s.sim.Fault("error", 1); err != nil {
			t.Fatal(err)
		}
		var message, other struct{ alipay.Error }
		if err := client.Request(t.Context(), s.template(nil), &message); err != nil || message.IsSuccess() != spare {
			t.Errorf("spared %v: the message: %+v, %v", spare, message, err)
		}
		err := client.Request(t.Context(), alipay.NewPayload("alipay.user.info.share").AddParam("auth_token", "x"), &other)
		if busy := other.SubCode == "aop.unknow-error"; err != nil || busy != spare {
			t.Errorf("spared %v: the other call: %+v, %v", spare, other, err)
		}
	}
}
