package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/store"
)

// closeChannel switches the channel off, or sets service hours that begin in an hour and last
// one, and waits until the registry is read again.
func (h *env) closeChannel(byHand bool) {
	h.t.Helper()
	if byHand {
		_, err := h.db.SwitchOff(h.t.Context(), store.ChannelOrder{Channel: store.ChannelAlipay, Operator: "li", Reason: "drill"}, true)
		must(h.t, err)
	} else {
		h.setChannel(store.ChannelAlipay, func(e *store.ChannelEntry) {
			now := h.db.Now().In(calendar.Beijing)
			e.Opens = (now.Hour()*60 + now.Minute() + 60) % (24 * 60)
			e.Closes = (e.Opens + 60) % (24 * 60)
		})
	}
	h.clock.Advance(6 * time.Second)
}

// setChannel changes a channel.
func (h *env) setChannel(name string, change func(*store.ChannelEntry)) {
	h.t.Helper()
	_, err := h.db.ChangeChannel(h.t.Context(), store.ChannelOrder{Channel: name, Action: store.ActionChannelSet, Operator: "li", Reason: "test"},
		func(e *store.ChannelEntry) error { change(e); return nil })
	must(h.t, err)
}

// Every route refuses while the channel is closed, except those in the list: what no citizen
// waits for is always served, and what protects an owner unless operators switched it off.
func TestClosedChannel(t *testing.T) {
	t.Parallel()
	always := []string{"POST /v1/sessions/end", "GET /healthz", "GET /readyz", "POST /alipay/notifications", "POST /alipay/spi", "GET /alipay/spi"}
	protective := []string{"POST /v1/sessions", "POST /v1/freeze", "GET /v1/link-transfers", "POST /v1/link-transfers/:id/reject"}
	program := alipay.NewMiniProgram(nil, nil, nil, nil)
	for _, tt := range []struct {
		name   string
		byHand bool
		served []string
	}{
		{"by hand", true, always},
		{"by hours", false, slices.Concat(always, protective)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t)
			p := h.linkedClient(h.citizen())
			h.closeChannel(tt.byHand)
			for _, r := range httpapi.RoutesOf(program.Routes) {
				route := r.Method + " " + r.Path
				path := strings.Replace(r.Path, ":id", "3f2b8c1e-5d64-4a7b-9c1d-2e8f6a0b4c5d", 1)
				body := h.answer(p.token, r.Method, path)
				if closed := strings.Contains(body, "CHANNEL_CLOSED"); closed == slices.Contains(tt.served, route) {
					t.Errorf("%s: %s", route, body)
				}
			}
		})
	}
}

// answer returns the body of a reply. Those of the API keep the contract.
func (h *env) answer(token, method, path string) string {
	h.t.Helper()
	if !strings.HasPrefix(path, "/alipay/") {
		p := h.client()
		p.token = token
		if method == "GET" {
			return p.get(path).Raw
		}
		return p.post(path, m{}).Raw
	}
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, nil)
	must(h.t, err)
	reply, err := http.DefaultClient.Do(request)
	must(h.t, err)
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	must(h.t, err)
	return string(body)
}

// The refusal says why, until when, and where else to go, in fields and in the text.
func TestClosedChannelSaysWhereToGo(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	h.setChannel(store.ChannelWebsite, func(e *store.ChannelEntry) { e.IsOn = true })
	h.setChannel(store.ChannelHotline, func(e *store.ChannelEntry) {
		now := h.db.Now().In(calendar.Beijing)
		e.IsOn, e.Opens = true, (now.Hour()+2)%24*60 // on, but closed now
		e.Closes = (e.Opens + 60) % (24 * 60)
	})
	h.closeChannel(false)
	r := p.get("/v1/password").want(t, "CHANNEL_CLOSED")
	var closed struct {
		Why      string
		OpensAt  time.Time `json:"opens_at"`
		Channels []struct{ ID, Name string }
	}
	must(t, json.Unmarshal([]byte(r.Raw), &closed))
	at := closed.OpensAt
	if left := int(at.Sub(h.db.Now()).Seconds()); r.HTTP != 503 || r.Retry < left || r.Retry > left+60 || r.Header.Get("Retry-After") != fmt.Sprint(r.Retry) {
		t.Errorf("%s: %d seconds left", r.Raw, left)
	}
	if fmt.Sprint(closed.Channels) != "[{website 网站}]" || closed.Why != "hours" || at.In(calendar.Beijing).Second() != 0 {
		t.Errorf("%s", r.Raw)
	}
	for _, part := range []string{"现在不在支付宝的服务时间", at.In(calendar.Beijing).Format("1月2日15:04"), "或通过网站办理"} {
		if !strings.Contains(r.Message, part) {
			t.Errorf("%q does not contain %q", r.Message, part)
		}
	}
	h.clock.Advance(at.Sub(h.db.Now()))
	h.logIn(h.citizen()).get("/v1/consents").want(t, "OK")
}
