package alipaysim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrNoTarget says that Config.Target is empty.
	ErrNoTarget = errors.New("alipaysim: no target to post notices to")
	// ErrKind says that a notice's kind is not a method's name.
	ErrKind = errors.New("alipaysim: kind must be a message method such as alipay.open.auth.userauth.cancelled")
)

// A Delivery is what came back for a notice. Alipay takes "success" for received and
// repeats the notice after anything else; the simulator posts once.
type Delivery struct {
	NotifyID string `json:"notify_id"`
	Status   int    `json:"status"` // of HTTP
	Body     string `json:"body"`   // its first 4 KiB
}

// noticeClient goes straight to the target and nowhere else.
var noticeClient = &http.Client{
	Timeout:       5 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Notify posts a signed From-Ant message about person to the target's
// /alipay/notifications, as Alipay's message service does (version 1.1 over HTTP).
// Fails with ErrUnknownPerson, ErrNoTarget, ErrKind or when the target does not answer.
func (s *Sim) Notify(ctx context.Context, person, kind string) (Delivery, error) {
	form, err := s.notice(person, kind)
	if err != nil {
		return Delivery{}, err
	}
	target := strings.TrimSuffix(s.cfg.Target, "/") + "/alipay/notifications"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return Delivery{}, fmt.Errorf("alipaysim: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	resp, err := noticeClient.Do(req)
	if err != nil {
		return Delivery{}, fmt.Errorf("alipaysim: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return Delivery{}, fmt.Errorf("alipaysim: %w", err)
	}
	return Delivery{NotifyID: form.Get("notify_id"), Status: resp.StatusCode, Body: string(body)}, nil
}

// notice returns a signed message about person.
func (s *Sim) notice(person, kind string) (url.Values, error) {
	if s.cfg.Target == "" {
		return nil, ErrNoTarget
	}
	if !strings.HasPrefix(kind, "alipay.") {
		return nil, ErrKind
	}
	s.mu.Lock()
	i := s.find(person)
	var about Person
	if i >= 0 {
		about = s.people[i]
	}
	s.mu.Unlock()
	if i < 0 {
		return nil, ErrUnknownPerson
	}
	now := s.cfg.Now()
	content, err := json.Marshal(struct {
		CancelTime int64 `json:"cancel_time,omitempty"` // ms since 1970
		identity
		AppID string `json:"app_id"`
	}{now.UnixMilli(), identity{about.UserID, about.OpenID}, s.cfg.AppID})
	if err != nil {
		return nil, fmt.Errorf("alipaysim: %w", err)
	}
	form := url.Values{
		"version":       {"1.1"},
		"msg_method":    {kind},
		"utc_timestamp": {strconv.FormatInt(now.UnixMilli(), 10)},
		"sign_type":     {"RSA2"},
		"notify_id":     {now.In(beijing).Format("20060102") + randomHex()},
		"charset":       {"UTF-8"},
		"app_id":        {s.cfg.AppID},
		"biz_content":   {string(content)},
	}
	return form, s.signNotice(form)
}

// signNotice signs every parameter but sign_type, in the order of their names.
func (s *Sim) signNotice(form url.Values) error {
	var names []string
	for name := range form {
		if name != "sign_type" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var text strings.Builder
	for i, name := range names {
		if i > 0 {
			text.WriteString("&")
		}
		text.WriteString(name + "=" + form.Get(name))
	}
	signature, err := sign(s.cfg.Key, []byte(text.String()))
	form.Set("sign", signature)
	return err
}
