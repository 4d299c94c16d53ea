package alipaysim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

var (
	// ErrNoTarget says that Config.Target is empty.
	ErrNoTarget = errors.New("alipaysim: no target to post notices to")
	// ErrKind says that there is no notice of that kind; Kinds lists them.
	ErrKind = errors.New("alipaysim: unknown kind of notice, try alipay.open.auth.userauth.cancelled")
)

// A Notice is what Alipay is to tell the application, and how.
type Notice struct {
	Person  string `json:"person"`  // whom it is about; "" where it is about nobody
	Kind    string `json:"kind"`    // see Kinds
	Fault   string `json:"fault"`   // see NoticeFaults and LoseNotice; "" = none
	Key     string `json:"key"`     // "old" = the key before RotateKey
	Charset string `json:"charset"` // "GBK", or UTF-8
}

// A Notification is a signed notice, ready to be posted. It may be posted any number of times, as
// Alipay does until it is acknowledged.
type Notification struct {
	NotifyID    string // "" for a kind that has none
	Path        string // at the target
	ContentType string
	Body        []byte
}

// A Delivery is the reply to a notification. Alipay repeats a notice that is not
// accepted; the simulator posts once.
type Delivery struct {
	NotifyID string `json:"notify_id"`
	Status   int    `json:"status"`   // of HTTP
	Body     string `json:"body"`     // its first 64 KiB
	Accepted bool   `json:"accepted"` // exactly "success", or an answer truly signed where one is due
}

// noticeClient goes straight to the target and nowhere else.
var noticeClient = &http.Client{
	Timeout:       5 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Notify posts a notice of kind about person, made and signed as it should be.
func (s *Sim) Notify(ctx context.Context, person, kind string) (Delivery, error) {
	return s.Send(ctx, Notice{Person: person, Kind: kind})
}

// Send writes n and posts it. What it says of an authorisation has then happened,
// unless it is spoilt, and with LoseNotice that is all. Fails as Write and Post do.
func (s *Sim) Send(ctx context.Context, n Notice) (Delivery, error) {
	if n.Fault == LoseNotice {
		return Delivery{}, s.withdraw(n)
	}
	if s.cfg.Target == "" {
		return Delivery{}, ErrNoTarget
	}
	notification, err := s.Write(n)
	if err != nil {
		return Delivery{}, err
	}
	if n.Fault == "" && n.Kind == kindCancelled {
		if err := s.withdraw(n); err != nil {
			return Delivery{}, err
		}
	}
	return s.Post(ctx, notification)
}

// Post posts notification to the target. Fails with ErrNoTarget or when the target does not
// answer.
func (s *Sim) Post(ctx context.Context, notification Notification) (Delivery, error) {
	if s.cfg.Target == "" {
		return Delivery{}, ErrNoTarget
	}
	target := strings.TrimSuffix(s.cfg.Target, "/") + notification.Path
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(string(notification.Body)))
	if err != nil {
		return Delivery{}, fmt.Errorf("alipaysim: %w", err)
	}
	req.Header.Set("Content-Type", notification.ContentType)
	resp, err := noticeClient.Do(req)
	if err != nil {
		return Delivery{}, fmt.Errorf("alipaysim: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return Delivery{}, fmt.Errorf("alipaysim: %w", err)
	}
	d := Delivery{NotifyID: notification.NotifyID, Status: resp.StatusCode, Body: string(body)}
	d.Accepted = resp.StatusCode == http.StatusOK && s.accepts(body)
	return d, nil
}
