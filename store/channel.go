package store

// This file is the registry of channels and providers: no other file of the store names one.

// Channels say where something was done.
const (
	ChannelAlipay   = "alipay"   // the mini-program
	ChannelOperator = "operator" // the centre's operators, see DB.Unlock
	ChannelCounter  = "counter"  // a clerk of the centre
	ChannelCentre   = "centre"   // what followed from the centre's own records
)

// Providers say whose name for a citizen an Identity is.
const ProviderAlipay = "alipay"

// notifier is the provider whose messages notifications keeps.
const notifier = ProviderAlipay
