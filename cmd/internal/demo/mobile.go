package demo

import (
	"context"

	"fundpass/store"
)

// mobileURL is where the API of the app answers.
func (d *demo) mobileURL() string { return "http://" + d.mobile.Addr().String() }

// openMobile switches the channel of the app on, as an operator of a centre with an app does.
func (d *demo) openMobile(ctx context.Context) error {
	order := store.ChannelOrder{Channel: store.ChannelApp, Action: store.ActionChannelOn, Operator: "demo", Reason: "the demo shows the app"}
	_, err := d.app.DB.ChangeChannel(ctx, order, func(e *store.ChannelEntry) error {
		e.IsOn = true
		return nil
	})
	return err
}
