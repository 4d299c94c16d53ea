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
	// ErrNoTarget means that Config.Target is empty.
	ErrNoTarget = errors.New("alipaysim: no target for notices")
	// ErrKind means that there is no such kind of notice; see Kinds.
	ErrKind = errors.New("alipaysim: unknown kind of notice, try alipay.open.auth.userauth.cancelled")
)

// A Notice describes a message of Alipay to the application.
type Notice struct {
	Person  string `json:"person"`  // the user concerned; "" if there is none
	Kind    string `json:"kind"`    // see Kinds
	Fault   string `json:"fault"`   // see NoticeFaults and LoseNotice; "" = none
	Key     string `json:"key"`     // "old" signs with the key before RotateKey
	Charset string `json:"charset"` // "GBK"; anything else is UTF-8
}

// A Notification is a signed notice. It may be posted any number of times, as Alipay does
// until it is acknowledged.
type Notification struct {
	NotifyID    string // "" if the kind has none
	Path        string // path below Config.Target
	ContentType string
	Body        []byte
}

// A Delivery is the reply to a notification. Alipay repeats a notification that is not
// accepted; the simulator posts it once.
type Delivery struct {
	NotifyID string `json:"notify_id"`
	Status   int    `json:"status"`   // HTTP status
	Body     string `json:"body"`     // at most 64 KiB
	Accepted bool   `json:"accepted"` // exactly "success", or a signed answer
}

// noticeClient uses no proxy and follows no redirects.
var noticeClient = &http.Client{
	Timeout:       5 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Notify posts a notice of kind about person, without fault.
func (s *Sim) Notify(ctx context.Context, person, kind string) (Delivery, error) {
	return s.Send(ctx, Notice{Person: person, Kind: kind})
}

// Send builds and posts n. A cancelled authorisation without fault takes effect, so that
// deloauthQuery lists it. With LoseNotice it takes effect and nothing is posted. Errors
// are those of Write and Post.
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

// Post posts notification to the target. It returns ErrNoTarget, or the error of the HTTP
// request.
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
