package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// An access says when an endpoint is served. The zero value is while the channel is open.
type access int

const (
	servedWhenOpen access = iota
	servedForProtection
	alwaysServed
)

// Always returns an endpoint that is also served while the channel is closed.
func Always(e Endpoint) Endpoint {
	e.access = alwaysServed
	return e
}

// Protective returns an endpoint with which owners protect their account, or that they need
// for it; see selfservice.ClosedChannel.ProtectsOwner.
func Protective(e Endpoint) Endpoint {
	e.access = servedForProtection
	return e
}

const keyPassedGate = "passed gate"

// passedGate reports whether the request was counted as one of an open channel.
func passedGate(c echo.Context) bool { return c.Get(keyPassedGate) != nil }

// isFailure reports whether a request failed in a way that nobody who sends requests can cause.
// An overloaded server, a client who hangs up or who repeats a running request are none, so that
// a flood cannot switch the channel off.
func isFailure(e *selfservice.Error, status int) bool {
	if e.Code == selfservice.ErrBusy.Code {
		return errors.Is(e, store.ErrUnavailable)
	}
	return status >= 500
}

// Gated returns the handler of an endpoint that first asks whether the channel is open. Nothing
// of the request has been read by then.
func (s *Server) Gated(e Endpoint) echo.HandlerFunc {
	if e.access == alwaysServed {
		return e.Serve
	}
	return func(c echo.Context) error {
		err := s.gate.Check(c.Request().Context(), e.access == servedForProtection)
		if err != nil {
			return err
		}
		c.Set(keyPassedGate, true)
		return e.Serve(c)
	}
}

// A Gate checks the requests of one channel and exports its state and its refusals as metrics.
type Gate struct {
	service *selfservice.Service
	channel selfservice.Channel
	closed  *prometheus.CounterVec
	state   *prometheus.Desc
}

// NewGate returns the gate of a channel.
func NewGate(s *selfservice.Service, channel selfservice.Channel) *Gate {
	label := prometheus.Labels{"channel": string(channel)}
	g := &Gate{
		service: s, channel: channel,
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fundpass_channel_closed_total", Help: "Requests refused because the channel is closed, by the reason.", ConstLabels: label,
		}, []string{"why"}),
		state: prometheus.NewDesc("fundpass_channel_state",
			"1 for the present state of the channel; automatic: switched off by its rate of failures.", []string{"state"}, label),
	}
	for _, why := range selfservice.ChannelStates {
		if why != selfservice.ChannelOpen {
			g.closed.WithLabelValues(why)
		}
	}
	return g
}

// Check returns nil if a request may pass. Protective says that it protects its owner.
func (g *Gate) Check(ctx context.Context, protective bool) error {
	err := g.service.CheckChannel(ctx, g.channel)
	var e *selfservice.Error
	if !errors.As(err, &e) || e.Closed == nil {
		return err
	}
	if protective && e.Closed.ProtectsOwner() {
		return nil
	}
	g.closed.WithLabelValues(e.Closed.Why).Inc()
	return err
}

// Describe implements prometheus.Collector.
func (g *Gate) Describe(to chan<- *prometheus.Desc) {
	g.closed.Describe(to)
	to <- g.state
}

// gateScrapeTime limits a look at the registry by a scrape.
const gateScrapeTime = time.Second

// Collect implements prometheus.Collector. While the registry is unknown there is no state.
func (g *Gate) Collect(to chan<- prometheus.Metric) {
	g.closed.Collect(to)
	ctx, stop := context.WithTimeout(context.Background(), gateScrapeTime)
	defer stop()
	now := g.service.ChannelState(ctx, g.channel)
	if now == "" {
		return
	}
	for _, state := range selfservice.ChannelStates {
		value := 0.0
		if state == now {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(g.state, prometheus.GaugeValue, value, state)
	}
}
