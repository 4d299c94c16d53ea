package store

// This file registers the channels and providers. No other file of the package names one.

// A channel is where something was done.
const (
	ChannelAlipay   = "alipay"   // the mini-program
	ChannelWebsite  = "website"  // the centre's pages in a browser
	ChannelOperator = "operator" // an operator of the centre, see DB.Unlock
	ChannelCounter  = "counter"  // a clerk of the centre
	ChannelCentre   = "centre"   // an update of the centre's records
)

// ProviderAlipay identifies users by an open_id or a user_id of Alipay.
const ProviderAlipay = "alipay"

// ProviderCentre is the centre itself. It identifies whoever signs in with a document and
// a password, on any channel; see SignIn.
const ProviderCentre = "centre"

// notifier is the provider of the messages in notifications.
const notifier = ProviderAlipay
