package alipay

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"fundpass/signing"
)

// newAppAuthMessages returns the counter of the messages about the authorisation of a third-party
// application. Both kinds exist from the start, so that an alert on an increase works.
func newAppAuthMessages() *prometheus.CounterVec {
	messages := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fundpass_app_auth_messages_total",
		Help: "Messages of Alipay that the mini-program has authorised the third-party application or has withdrawn the authorisation.",
	}, []string{"kind"})
	for _, kind := range []string{"granted", "cancelled"} {
		messages.WithLabelValues(kind)
	}
	return messages
}

// noteAppAuth counts and logs a message about the authorisation, whose tokens package signing has
// removed. The server does not use the tokens of a message: an operator fetches a token with
// fundpass keys fetch-app-auth, so that it is written once, to a file that only the server reads.
func (m *MiniProgram) noteAppAuth(ctx context.Context, n signing.Notification) {
	switch n.Method {
	case signing.MethodAppAuthGranted:
		m.appAuth.WithLabelValues("granted").Inc()
		m.log.WarnContext(ctx, "the mini-program has authorised the third-party application anew, and the app_auth_token in use may be void: run fundpass keys fetch-app-auth and send SIGHUP", "app_id", n.AppID)
	case signing.MethodAppAuthCancelled:
		m.appAuth.WithLabelValues("cancelled").Inc()
		m.log.ErrorContext(ctx, "the mini-program has withdrawn the authorisation of the third-party application: Alipay refuses every call until it authorises again", "app_id", n.AppID)
	}
}
