package httpapi_test

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fundpass/miniapp-api/alipay"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// ofAlipay matches what only a user of Alipay or a developer of a mini-program understands.
var ofAlipay = regexp.MustCompile(`(?i)alipay|支付宝|小程序|mini-?program|\bmy\.`)

// occurrences returns an error of a code without details and one for every text that details
// lead to.
func occurrences(p httpapi.Presentation) []*selfservice.Error {
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	all := []*selfservice.Error{{Code: p.Code}, example(p)}
	for _, e := range []selfservice.Error{
		{TransferOffered: true}, {Transfer: new(store.Transfer)}, {Transfer: &store.Transfer{DueAt: &at}},
		{Remaining: new(0)}, {LockedUntil: &at},
	} {
		e.Code = p.Code
		all = append(all, &e)
	}
	return all
}

// No text of a channel without words names Alipay, and no text of any channel contains a
// placeholder.
func TestWords(t *testing.T) {
	t.Parallel()
	placeholder := regexp.MustCompile(`\{(user|account)\}`)
	other := regexp.MustCompile(ofAlipay.String() + "|" + placeholder.String())
	for _, tt := range []struct {
		words httpapi.Words
		not   *regexp.Regexp
	}{
		{httpapi.Words{}, other},
		{httpapi.Words{User: "微信", Account: "微信账号"}, other},
		{alipay.Words, placeholder},
	} {
		texts := slices.Collect(maps.Values(httpapi.FieldTexts))
		for _, p := range httpapi.Catalogue(tt.words) {
			texts = append(texts, p.Code, p.Title, p.TitleZH, p.Next, p.NextZH, p.Message)
			for _, e := range occurrences(p) {
				e.Closed = nil // the names of channels are data
				reply := httpapi.ProblemOf(p, e, "")
				texts = append(texts, reply.Message)
				for _, f := range reply.Errors {
					texts = append(texts, f.Message)
				}
			}
		}
		for _, text := range httpapi.EventTexts {
			texts = append(texts, httpapi.InWords(tt.words, text))
		}
		for _, text := range texts {
			if found := tt.not.FindString(text); found != "" {
				t.Errorf("in the words of %q: %q contains %q", tt.words.User, text, found)
			}
		}
	}
}

// The sentences that details lead to name the users of the channel.
func TestComposedWords(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		words httpapi.Words
		e     *selfservice.Error
		want  string
	}{
		{alipay.Words, &selfservice.Error{Code: "ALREADY_LINKED", TransferOffered: true}, "该公积金账户已绑定其他支付宝账号，您可以申请改绑到当前支付宝"},
		{httpapi.Words{}, &selfservice.Error{Code: "ALREADY_LINKED", TransferOffered: true}, "该公积金账户已绑定其他账号，您可以申请改绑到当前账号"},
		{alipay.Words, &selfservice.Error{Code: "TRANSFER_WAITING", Transfer: new(store.Transfer)},
			"改绑申请已提交，正在通知原绑定的支付宝。通知送达后才开始计算等待时间，请稍后回到这里查看；无法通知的，请本人携带身份证件到柜台办理"},
		{alipay.Words, &selfservice.Error{Code: "TRANSFER_WAITING", Transfer: &store.Transfer{DueAt: &due}},
			"改绑申请已提交。为保障账户安全，请在3月1日10:00之后回到这里完成改绑；原绑定的支付宝可在此之前拒绝"},
		{httpapi.Words{User: "微信"}, &selfservice.Error{Code: "TRANSFER_WAITING", Transfer: &store.Transfer{DueAt: &due}},
			"改绑申请已提交。为保障账户安全，请在3月1日10:00之后回到这里完成改绑；原绑定的微信可在此之前拒绝"},
	} {
		for _, p := range httpapi.Catalogue(tt.words) {
			if p.Code != tt.e.Code {
				continue
			}
			if got := httpapi.ProblemOf(p, tt.e, "").Message; got != tt.want {
				t.Errorf("%s in the words of %q:\n got %s\nwant %s", tt.e.Code, tt.words.User, got, tt.want)
			}
		}
	}
}

// The last entry of the Catalogue stays the last, and a channel's entry changes nothing else.
func TestOwnEntries(t *testing.T) {
	t.Parallel()
	plain := httpapi.Catalogue(httpapi.Words{})
	own := httpapi.Catalogue(httpapi.Words{Entries: []httpapi.Presentation{
		{Code: "NOT_FOUND", Message: "没有这一页"}, {Code: "CAPTCHA_REQUIRED", Status: 403, Title: "Captcha required", TitleZH: "需要验证码", Message: "请输入验证码", Next: "Show it.", NextZH: "显示它。"},
	}})
	if len(own) != len(plain)+1 || own[len(own)-1].Code != "INTERNAL" || own[len(own)-2].Code != "CAPTCHA_REQUIRED" {
		t.Fatalf("%d entries, the last are %s and %s", len(own), own[len(own)-2].Code, own[len(own)-1].Code)
	}
	for i, p := range plain[:len(plain)-1] {
		same := own[i].Code == p.Code && own[i].Status == p.Status && own[i].Title == p.Title && own[i].Next == p.Next
		if !same || (own[i].Message == p.Message) == (p.Code == "NOT_FOUND") {
			t.Errorf("%s is %v", p.Code, own[i])
		}
	}
	if again := httpapi.Catalogue(httpapi.Words{}); len(again) != len(plain) || again[4].Message != plain[4].Message {
		t.Error("one channel's entry is in the table of another")
	}
}

// otherChannel serves the same service on another channel, without words. The auth code of a
// sign-in is the name of its user.
func (h *env) otherChannel() *client {
	h.t.Helper()
	type request struct {
		AuthCode string `json:"auth_code"`
	}
	h.setChannel("partner-91", func(e *store.ChannelEntry) { e.IsOn = true })
	h.clock.Advance(6 * time.Second)
	s, err := httpapi.New(httpapi.Config{
		DB: h.db, Service: h.server.service, Hasher: h.server.Hasher, Log: h.server.Log, Channel: "partner-91",
		PerAddress: h.server.PerAddress, PerUser: h.server.PerUser, RequestTime: h.server.RequestTime,
		Routes: func(s *httpapi.Server) []httpapi.Route {
			signIn := func(ctx context.Context, _ httpapi.Request, in request) (httpapi.SessionReply, error) {
				user := store.Identity{Provider: "provider", AppID: h.appID, Kind: "subject", Value: in.AuthCode}
				return s.OpenUserSession(ctx, store.Visitor{Identity: user})
			}
			return []httpapi.Route{{Method: "POST", Path: "/v1/sessions", Endpoint: httpapi.Open(s, signIn)}}
		},
	})
	must(h.t, err)
	return &client{h: h, url: h.listen(&product{Server: s})}
}

// as returns the client with a session of a user of the other channel.
func (p client) as(user string) *client {
	p.h.t.Helper()
	p.token = p.post("/v1/sessions", m{"auth_code": user}).want(p.h.t, "OK").get(p.h.t, "token").(string)
	return &p
}

// A channel of another provider works with the same server and says nothing of Alipay, not
// even about what happened to the citizen there.
func TestOtherChannel(t *testing.T) {
	t.Parallel()
	h := newEnv(t, withProof(selfservice.ProofNone))
	c := h.citizen()
	onAlipay, other := h.linkedClient(c), h.otherChannel()
	replies := map[string]reply{}
	one := other.as("one")
	replies["link"] = one.post("/v1/link", c.linkBody()).want(t, "OK")
	replies["again"] = other.as("two").post("/v1/link", c.linkBody()).want(t, "ALREADY_LINKED")
	replies["change"] = one.post("/v1/password/changes", m{"id_number": c.IDNumber, "old_password": "wrong"}).want(t, "OLD_PASSWORD_WRONG")
	replies["password"] = one.get("/v1/password").want(t, "OK")
	h.exec(`INSERT INTO events (center_id, at, event_id, account_id, kind, channel)
		SELECT center_id, at, $4::uuid, account_id, $2, channel FROM events WHERE center_id = $1 AND kind = $3`,
		h.center, store.EventLinkTransferred, store.EventLinked, uuid.New())
	replies["events"] = one.get("/v1/events").want(t, "OK")
	replies["data"] = one.get("/v1/me/data").want(t, "OK")
	for want, r := range map[string]reply{`"link":{"kind":"subject"`: replies["data"], `"link":{"kind":"open_id"`: onAlipay.get("/v1/me/data")} {
		if !strings.Contains(r.Raw, want) {
			t.Errorf("me/data lacks %s: %s", want, r.Raw)
		}
	}
	stale := *one
	one.post("/v1/sessions/end", m{}).want(t, "OK")
	replies["ended"] = stale.get("/v1/link").want(t, "SESSION_EXPIRED")
	replies["anonymous"] = other.get("/v1/link").want(t, "SESSION_REQUIRED")
	for name, r := range replies {
		raw := strings.ReplaceAll(r.Raw, `"channel":"alipay"`, "")
		raw = strings.ReplaceAll(raw, `{"id":"alipay","name":"支付宝","text":"支付宝也使用这个密码"}`, "") // the registry says so
		if found := ofAlipay.FindString(raw); found != "" {
			t.Errorf("%s contains %q: %s", name, found, r.Raw)
		}
	}
	if shown := onAlipay.get("/v1/events").Raw; !strings.Contains(shown, "已改绑到其他支付宝账号") || !strings.Contains(shown, "已改绑到其他账号") {
		t.Errorf("each event is not in the words of its channel: %s", shown)
	}
}
