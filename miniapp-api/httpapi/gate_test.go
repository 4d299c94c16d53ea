package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"fundpass/keys/calendar"
	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// closeChannel switches the channel off, or sets service hours that begin in an hour and last
// one, and waits until the registry is read again.
func (h *env) closeChannel(byHand bool) {
	h.t.Helper()
	if byHand {
		_, err := h.db.Registry().SwitchOff(h.t.Context(), store.ChannelOrder{Channel: store.ChannelAlipay, Operator: "li", Reason: "drill"}, true)
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
	_, err := h.db.Registry().ChangeChannel(h.t.Context(), store.ChannelOrder{Channel: name, Action: store.ActionChannelSet, Operator: "li", Reason: "test"},
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

// Where else the password is used is what the registry says, and nothing without it: channels
// that are on and share the password, and separately those with a PIN of their own.
func TestPasswordChannels(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	p := h.linkedClient(h.citizen())
	shown := func() string {
		t.Helper()
		h.clock.Advance(6 * time.Second)
		r := p.get("/v1/password").want(t, "OK")
		return fmt.Sprint(r.get(t, "channels"), r.get(t, "separate_channels"))
	}
	if got := shown(); got != "[] []" {
		t.Errorf("without a registry: %s", got)
	}
	on := func(e *store.ChannelEntry) { e.IsOn = true }
	h.setChannel(store.ChannelWebsite, on)
	h.setChannel(store.ChannelHotline, on)
	h.setChannel(store.ChannelKiosk, on) // does not share the password
	h.setChannel("partner-91", func(e *store.ChannelEntry) { e.IsOn, e.Title, e.SharesPassword, e.Keypad = true, "银行", true, "0-9" })
	want := "[map[id:website name:网站 text:网站也使用这个密码]" +
		" map[charset:0-9 id:partner-91 name:银行 text:银行只能按数字键，含有字母或符号的密码不能在银行使用]]" +
		" [map[charset:0-9 id:hotline name:12329热线 text:12329热线使用单独的电话密码，不使用这个密码]]"
	if got := shown(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h.setChannel(store.ChannelWebsite, func(e *store.ChannelEntry) { e.IsOn = false })
	h.setChannel("partner-91", func(e *store.ChannelEntry) { e.SharesPassword = false })
	h.setChannel(store.ChannelHotline, func(e *store.ChannelEntry) { e.Opens, e.Closes = 60, 61 }) // its hours change nothing
	if got := shown(); got != want[:1]+want[strings.Index(want, "] [map"):] {
		t.Errorf("%s", got)
	}
}

// Metrics show the state of the channel and count its refusals by the reason.
func TestChannelMetrics(t *testing.T) {
	t.Parallel()
	h := newEnv(t)
	metrics := func() string {
		w := httptest.NewRecorder()
		h.server.OpsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	wants := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			if text := metrics(); !strings.Contains(text, line+"\n") {
				t.Errorf("no line %s in %s", line, text)
			}
		}
	}
	wants(`fundpass_channel_state{channel="alipay",state="open"} 1`, `fundpass_channel_state{channel="alipay",state="automatic"} 0`,
		`fundpass_channel_closed_total{channel="alipay",why="automatic"} 0`)
	h.closeChannel(true)
	wants(`fundpass_channel_state{channel="alipay",state="open"} 0`, `fundpass_channel_state{channel="alipay",state="manual"} 1`)
	h.client().get("/v1/link").want(t, "CHANNEL_CLOSED")
	wants(`fundpass_channel_closed_total{channel="alipay",why="manual"} 1`)
	h.client().post("/v1/freeze", m{}).want(t, "CHANNEL_CLOSED")
	if got := h.businessCounts(); got["freeze abnormal"]+got["freeze refused"] > 0 {
		t.Errorf("a closed channel does business: %v", got)
	}
	if errors := h.logs.errors(); errors != "" {
		t.Errorf("a closed channel is logged as an error: %s", errors)
	}
}

// Only what nobody who sends requests can cause counts as a failure of the channel: Alipay that
// does not answer does, wrong passwords, hang-ups and a busy server do not.
func TestWhatSwitchesChannelOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		off  bool
		fail func(h *env, p *client)
	}{
		{"Alipay is away", true, func(h *env, p *client) {
			must(t, h.sim.Fault("html", 1))
			provoked["ALIPAY_UNAVAILABLE"](h).want(t, "ALIPAY_UNAVAILABLE")
		}},
		{"refusals", false, func(h *env, p *client) {
			p.post("/v1/link/remove", m{"password": "wrong"}).want(t, "OLD_PASSWORD_WRONG")
			h.client().post("/v1/sessions", m{"auth_code": "made-up-code-of-nobody"}).want(t, "AUTH_CODE_INVALID")
		}},
		{"too busy", false, func(h *env, p *client) {
			hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: h.pepper, Memory: 64, Time: 1, Threads: 1, Slots: 1, Wait: time.Nanosecond})
			t.Cleanup(hasher.Close)
			slot, err := hasher.Reserve(t.Context(), passwd.Caller{})
			must(t, err)
			defer slot.Release()
			p.url = h.listen(h.newServer(func(c *Config) { c.Hasher = hasher }))
			p.post("/v1/link/remove", m{"password": "any"}).want(t, "BUSY")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newEnv(t)
			p := h.linkedClient(h.citizen())
			h.setChannel(store.ChannelAlipay, func(e *store.ChannelEntry) { e.FailurePercent, e.FailureRequests, e.FailureMinutes = 1, 1, 10 })
			h.exec(`UPDATE channels SET set_at = $1`, time.Now().Add(-time.Hour))
			h.clock.Advance(6 * time.Second)
			p.get("/v1/link").want(t, "OK")
			tt.fail(h, p)
			h.clock.Advance(6 * time.Second)
			if r := p.get("/v1/link"); (r.Code == "CHANNEL_CLOSED") != tt.off {
				t.Errorf("%s", r.Raw)
			}
		})
	}
}

// A channel accepts the centre's proofs that the registry permits there, by the state of the
// password: what would prove the citizen elsewhere asks for another proof here.
func TestProofsOfChannel(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof("certdoc,face"))
	h.setChannel(store.ChannelAlipay, func(e *store.ChannelEntry) {
		e.Proofs, e.InitialProofs = []string{"certdoc", "phone"}, []string{"face"} // phone is not the centre's
	})
	h.clock.Advance(6 * time.Second)
	chosen, initial := h.citizen(), h.citizen(func(c *citizen) { c.InitialRule, c.Password = "id-last6", c.IDNumber[12:] })
	h.logIn(chosen).post("/v1/link", chosen.linkBody()).want(t, "OK")
	r := h.logIn(initial).post("/v1/link", initial.linkBody()).want(t, "LINK_PROOF_REQUIRED")
	if len(r.Errors) != 1 || r.Errors[0].Field != "face" {
		t.Errorf("%s", r.Raw)
	}
	h.setChannel(store.ChannelAlipay, func(e *store.ChannelEntry) { e.InitialProofs = nil })
	h.clock.Advance(6 * time.Second)
	h.logIn(initial).post("/v1/link", initial.linkBody()).want(t, "OK")
}
