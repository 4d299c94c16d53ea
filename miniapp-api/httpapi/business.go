package httpapi

import (
	"maps"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"fundpass/miniapp-api/selfservice"
)

// The outcomes of a business transaction. The figures that 住房公积金综合服务平台建设导则
// asks for are quotients of their counts: 办理成功率 is success, and 异常交易率 abnormal, of
// all three; 业务占比 and the share of a channel are the same counts by label. 注册 and 关闭
// are the successes of link and unlink.
const (
	outcomeSuccess  = "success"
	outcomeRefused  = "refused"  // the citizen was told why
	outcomeAbnormal = "abnormal" // a system failed, or the result is unknown
)

// A Business is what the request of a route belongs to. A request that only opens one ends it
// by an error alone.
type Business struct {
	Name      string
	Completes bool // success of the request is success of the business
}

// businesses are the routes of the API that do a business, by method and pattern.
var businesses = map[string]Business{
	"POST /v1/sessions":                        {"sign_in", true},
	"POST /v1/link":                            {"link", true},
	"POST /v1/link/:id/confirm":                {"link", true},
	"POST /v1/link/remove":                     {"unlink", true},
	"POST /v1/link-transfers/:id/confirm":      {"link_transfer", true},
	"POST /v1/password/changes":                {"change", false},
	"POST /v1/password/changes/:id/confirm":    {"change", true},
	"POST /v1/password/resets":                 {"reset", false},
	"POST /v1/password/resets/:id/confirm":     {"reset", true},
	"POST /v1/password/recoveries":             {"recovery", false},
	"POST /v1/password/recoveries/:id/confirm": {"recovery", true},
	"POST /v1/freeze":                          {"freeze", true},
}

// BusinessesWith returns the businesses of the API and those of routes that only one channel has.
func BusinessesWith(more map[string]Business) map[string]Business {
	all := maps.Clone(businesses)
	maps.Copy(all, more)
	return all
}

// interimCodes ask for a step that the page can do, so the business goes on.
var interimCodes = map[string]bool{
	ErrSessionRequired.Code:               true,
	selfservice.ErrSessionExpired.Code:    true,
	selfservice.ErrLinkProofRequired.Code: true,
	selfservice.ErrTransferWaiting.Code:   true,
	selfservice.ErrConsentRequired.Code:   true,
	selfservice.ErrConsentOutdated.Code:   true,
}

// keyResent marks a request that received the stored answer of an earlier one, which was counted.
const keyResent = "resent"

func newBusinessCounter(channel selfservice.Channel, all map[string]Business) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fundpass_business_total", Help: "Business transactions that ended, by channel, business and outcome.",
		ConstLabels: prometheus.Labels{"channel": string(channel)},
	}, []string{"business", "outcome"})
	for b := range maps.Values(all) {
		for _, outcome := range []string{outcomeSuccess, outcomeRefused, outcomeAbnormal} {
			c.WithLabelValues(b.Name, outcome) // a rate needs a first value
		}
	}
	return c
}

// countBusiness counts a request that ends a business transaction.
func (m *metrics) countBusiness(c echo.Context, status int, code string) {
	b, ok := m.businesses[c.Request().Method+" "+c.Path()]
	if !ok || c.Get(keyResent) != nil {
		return
	}
	if outcome := b.outcome(status, code); outcome != "" {
		m.business.WithLabelValues(b.Name, outcome).Inc()
	}
}

// outcome returns the outcome of the business after a request, or "" if the business goes on or
// the channel is closed, which the metrics of the gate count.
func (b Business) outcome(status int, code string) string {
	switch {
	case interimCodes[code], code == selfservice.ErrChannelClosed.Code:
		return ""
	case status >= http.StatusInternalServerError:
		return outcomeAbnormal
	case status >= http.StatusBadRequest:
		return outcomeRefused
	case b.Completes:
		return outcomeSuccess
	}
	return ""
}
