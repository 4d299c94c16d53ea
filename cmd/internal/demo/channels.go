package demo

import (
	"context"
	"errors"
	"net"
	"strings"

	"fundpass/store"
)

// listenBeside gives another channel an address of its own, as in production: so many ports
// after that of the API, or a free one.
func (d *demo) listenBeside(after int, into *net.Listener) error {
	next := *d.public.Addr().(*net.TCPAddr)
	if next.Port += after; strings.HasSuffix(d.addr, ":0") {
		next.Port = 0
	}
	l, err := net.ListenTCP("tcp", &next)
	if err != nil { // another program has the port
		next.Port = 0
		l, err = net.ListenTCP("tcp", &next)
	}
	if err != nil {
		return err
	}
	*into = l
	d.addCleanup(func() error { return ignoreClosed(l.Close()) })
	return nil
}

// websiteURL is where the pages in a browser answer. Browsers treat a loopback address as
// secure, so that the cookies of a site with HTTPS work there, too.
func (d *demo) websiteURL() string { return "http://" + d.website.Addr().String() }

// mobileURL is where the API of the app answers.
func (d *demo) mobileURL() string { return "http://" + d.mobile.Addr().String() }

// switchOn opens the website and the app, which a centre switches on when it is ready for them.
func (d *demo) switchOn(ctx context.Context) error {
	var all []error
	for _, channel := range []string{store.ChannelWebsite, store.ChannelApp} {
		order := store.ChannelOrder{Channel: channel, Action: store.ActionChannelOn, Operator: "demo", Reason: "the demo shows the channel"}
		_, err := d.app.DB.Registry().ChangeChannel(ctx, order, func(e *store.ChannelEntry) error { e.IsOn = true; return nil })
		all = append(all, err)
	}
	return errors.Join(all...)
}
