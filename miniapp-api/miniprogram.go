package miniapp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"

	"fundpass/keys"
	"fundpass/store"
)

// A MiniProgram is what Alipay's channel has beside the routes of every channel: sessions
// from auth codes, phone numbers, and what Alipay itself asks and tells.
type MiniProgram struct {
	db       *store.DB
	service  *Service
	provider *Provider
	log      *slog.Logger
	constant constantAnswers
}

// NewMiniProgram returns the channel of Alipay's users.
func NewMiniProgram(db *store.DB, s *Service, p *Provider, log *slog.Logger) *MiniProgram {
	return &MiniProgram{db: db, service: s, provider: p, log: cmp.Or(log, slog.New(slog.DiscardHandler))}
}

func (m *MiniProgram) ring() *keys.Ring { return m.provider.gateway.Ring() }

// Routes are the channel's own.
func (m *MiniProgram) Routes(s *Server) []route {
	return []route{
		{method: "POST", path: "/v1/sessions", endpoint: open(s, func(ctx context.Context, _ request, in sessionRequest) (sessionReply, error) {
			return m.openSession(ctx, s, in)
		})},
		{method: "POST", path: "/v1/phone", endpoint: authed(s, func(ctx context.Context, r request, in jsontext.Value) (phoneReply, error) {
			return m.verifyPhone(ctx, r.Caller, in)
		})},
		{method: "POST", path: "/alipay/notifications", endpoint: raw(m.handleNotification)},
		{method: "POST", path: "/alipay/spi", endpoint: raw(m.handleSPI)},
		{method: "GET", path: "/alipay/spi", endpoint: raw(m.handleSPI)},
	}
}

type sessionRequest struct {
	AuthCode string `json:"auth_code"`
}

// authCode is wider than what Alipay gives: 32 letters and digits, 40 at most by its
// documents. What is none is refused before it costs a row, a signature and a call.
var authCode = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

var errAuthCodeShape = errors.New("miniapp: not of an auth code's shape")

// openSession turns an auth code, good once, into a session of our own. The
// code is spent in the database first: whatever happens, no process ever shows
// it to Alipay twice.
func (m *MiniProgram) openSession(ctx context.Context, s *Server, in sessionRequest) (sessionReply, error) {
	if in.AuthCode == "" || len(in.AuthCode) > 128 {
		return sessionReply{}, ErrBadRequest.withFields(FieldError{Field: "auth_code", Code: "REQUIRED"})
	}
	if !authCode.MatchString(in.AuthCode) {
		return sessionReply{}, ErrAuthCodeInvalid.because(errAuthCodeShape)
	}
	if err := m.db.SpendAuthCode(ctx, in.AuthCode); errors.Is(err, store.ErrConflict) {
		return sessionReply{}, ErrAuthCodeInvalid
	} else if err != nil {
		return sessionReply{}, err
	}
	grant, err := m.provider.gateway.Exchange(ctx, in.AuthCode)
	if err != nil {
		return sessionReply{}, translate(err)
	}
	return s.openUserSession(ctx, store.Visitor{Identity: store.Identity(grant.Identity), AccessToken: grant.AccessToken})
}

// Collectors are the channel's own metrics.
func (m *MiniProgram) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.sandboxKeys()}
}

// sandboxKeys must be 0 wherever citizens are.
func (m *MiniProgram) sandboxKeys() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fundpass_sandbox_keys", Help: "Keys of Alipay's trusted under the pinned root of the sandbox only.",
	}, func() float64 {
		n := 0
		for _, key := range m.ring().AlipayKeys() {
			if key.Sandbox {
				n++
			}
		}
		return float64(n)
	})
}
