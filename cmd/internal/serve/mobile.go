package serve

import (
	"net"
	"net/http"

	"fundpass/miniapp-api/app"
	"fundpass/miniapp-api/httpapi"
)

// A mobile is the API of the centre's own app.
type mobile struct {
	server  *httpapi.Server
	handler http.Handler
}

// addMobile adds the API of the app if it has a URL.
func (a *App) addMobile() error {
	s := a.Settings
	if s.MobileURL == "" {
		return nil
	}
	channel, err := app.New(app.Config{DB: a.DB, Service: a.service, URL: s.MobileURL})
	if err != nil {
		return err
	}
	server, err := httpapi.New(channel.Configure(httpapi.Config{
		DB: a.DB, Service: a.service, Hasher: a.Hasher, Log: a.log, Center: a.label, Proxies: []*net.IPNet(s.TrustedProxies),
		Tracer: a.tracer, Beside: a.server, PerAddress: httpapi.Rate(s.PerAddress), PerUser: httpapi.Rate(s.PerUser),
		Transport: a.transport, SealedOnly: s.PlainPasswords == "no",
	}))
	if err != nil {
		return err
	}
	a.mobile = &mobile{server, channel.Handler(server.Handler())}
	return nil
}
