// Package alipay is the channel of the Alipay mini-program. It translates between Alipay's
// protocol and package selfservice: Provider verifies users, and MiniProgram opens sessions
// and handles phone numbers, notifications and SPI calls.
package alipay

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"

	"fundpass/keys"
	"fundpass/miniapp-api/httpapi"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing"
	"fundpass/store"
)

// A MiniProgram serves the routes of Alipay's channel: sign-in by auth code, phone numbers, and
// the requests that Alipay itself sends.
type MiniProgram struct {
	db       *store.DB
	service  *selfservice.Service
	provider *Provider
	log      *slog.Logger
	constant constantAnswers
	refused  refusedLog
	appAuth  *prometheus.CounterVec // messages, by kind
}

// NewMiniProgram returns the channel of Alipay's users. A nil log discards all messages.
func NewMiniProgram(db *store.DB, s *selfservice.Service, p *Provider, log *slog.Logger) *MiniProgram {
	return &MiniProgram{db: db, service: s, provider: p, log: cmp.Or(log, slog.New(slog.DiscardHandler)), appAuth: newAppAuthMessages()}
}

func (m *MiniProgram) keyring() *keys.AlipayKeyring { return m.provider.gateway.Keyring() }

// Routes returns the routes that only this channel has.
func (m *MiniProgram) Routes(s *httpapi.Server) []httpapi.Route {
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/sessions", Endpoint: httpapi.Protective(httpapi.Open(s, func(ctx context.Context, _ httpapi.Request, in sessionRequest) (httpapi.SessionReply, error) {
			return m.openSession(ctx, s, in)
		}))},
		{Method: "POST", Path: "/v1/phone", Endpoint: httpapi.Authed(s, func(ctx context.Context, r httpapi.Request, in jsontext.Value) (PhoneReply, error) {
			return m.verifyPhone(ctx, r.Caller, in)
		})},
		{Method: "POST", Path: pathNotifications, Endpoint: httpapi.Raw(m.handleNotification)},
		{Method: "POST", Path: pathSPI, Endpoint: httpapi.Raw(m.handleSPI)},
		{Method: "GET", Path: pathSPI, Endpoint: httpapi.Raw(m.handleSPI)},
	}
}

type sessionRequest struct {
	AuthCode string `json:"auth_code"`
}

// authCode accepts more than Alipay's documents allow, which is at most 40 letters and digits.
// Any other code is refused before it costs a row, a signature and a call.
var authCode = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

var errAuthCodeShape = errors.New("alipay: malformed auth code")

// openSession exchanges an auth code, which is valid once, for a session. It first marks the
// code as spent in the database, so that no code is sent to Alipay twice.
func (m *MiniProgram) openSession(ctx context.Context, s *httpapi.Server, in sessionRequest) (httpapi.SessionReply, error) {
	if in.AuthCode == "" || len(in.AuthCode) > 128 {
		return httpapi.SessionReply{}, selfservice.ErrBadRequest.WithFields(selfservice.FieldError{Field: "auth_code", Code: "REQUIRED"})
	}
	if !authCode.MatchString(in.AuthCode) {
		return httpapi.SessionReply{}, httpapi.ErrAuthCodeInvalid.WithCause(errAuthCodeShape)
	}
	if err := m.db.SpendAuthCode(ctx, in.AuthCode); errors.Is(err, store.ErrConflict) {
		return httpapi.SessionReply{}, httpapi.ErrAuthCodeInvalid
	} else if err != nil {
		return httpapi.SessionReply{}, err
	}
	grant, err := m.provider.gateway.Exchange(ctx, in.AuthCode)
	if err != nil {
		return httpapi.SessionReply{}, translate(err)
	}
	return s.OpenUserSession(ctx, store.Visitor{Identity: Identity(grant.Identity), AccessToken: grant.AccessToken})
}

// Identity returns what Alipay calls a citizen as the store keeps it.
func Identity(id signing.Identity) store.Identity {
	return store.Identity{Provider: store.ProviderAlipay, AppID: id.AppID, Kind: id.Kind, Value: id.Value, UserID: id.UserID}
}

// User is the inverse of Identity.
func User(id store.Identity) signing.Identity {
	return signing.Identity{AppID: id.AppID, Kind: id.Kind, Value: id.Value, UserID: id.UserID}
}

// Collectors returns the metrics of the channel.
func (m *MiniProgram) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.sandboxKeys(), m.appAuth}
}

// sandboxKeys counts the trusted sandbox keys, which must be 0 in production.
func (m *MiniProgram) sandboxKeys() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fundpass_sandbox_keys", Help: "Trusted Alipay keys whose certificate chains to the sandbox root.",
	}, func() float64 {
		n := 0
		for _, key := range m.keyring().AlipayKeys() {
			if key.Sandbox {
				n++
			}
		}
		return float64(n)
	})
}
