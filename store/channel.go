package store

import (
	"fmt"
	"slices"
)

// This file registers the channels and providers. No other file of the package names one.

// A channel is where something was done. Those of citizens are also in the registry, see
// DB.Channels.
const (
	ChannelApp     = "app"     // the centre's app
	ChannelWechat  = "wechat"  // the official account
	ChannelWebsite = "website" // 网上服务大厅
	ChannelKiosk   = "kiosk"   // a terminal with a keypad
	ChannelHotline = "hotline" // 12329
	ChannelAlipay  = "alipay"  // the mini-program

	ChannelOperator = "operator" // an operator of the centre, see DB.Unlock
	ChannelCounter  = "counter"  // a clerk of the centre
	ChannelCentre   = "centre"   // an update of the centre's records
)

// digits are what the keypad of a telephone or a terminal types.
const digits = "0-9"

// usualChannels are listed for every centre, with their defaults, by code. Only the
// mini-program is on, so that a centre with nothing else needs no registry.
var usualChannels = []ChannelEntry{
	{Channel: ChannelApp, Code: 10, Title: "手机应用", Credential: CredentialPassword, SharesPassword: true},
	{Channel: ChannelWechat, Code: 20, Title: "微信", Credential: CredentialPassword, SharesPassword: true},
	{Channel: ChannelWebsite, Code: 30, Title: "网站", Credential: CredentialPassword, SharesPassword: true},
	{Channel: ChannelKiosk, Code: 50, Title: "自助终端", Credential: CredentialPassword, Keypad: digits},
	{Channel: ChannelHotline, Code: 60, Title: "12329热线", Credential: CredentialPhonePIN, Keypad: digits},
	{Channel: ChannelAlipay, Code: 90, Title: "支付宝", Credential: CredentialPassword, SharesPassword: true, IsOn: true},
}

// moreChannels are the further channels that a centre may have: kiosks of other kinds and
// partners, such as the apps of banks.
func moreChannels() []ChannelEntry {
	var all []ChannelEntry
	for code := 51; code <= 53; code++ {
		all = append(all, ChannelEntry{Channel: fmt.Sprintf("kiosk-%d", code), Code: code, Title: "自助终端", Credential: CredentialPassword, Keypad: digits})
	}
	for code := 91; code <= 99; code++ {
		all = append(all, ChannelEntry{Channel: fmt.Sprintf("partner-%d", code), Code: code, Title: "合作机构", Credential: CredentialPassword})
	}
	return all
}

// DefaultChannel returns a channel as it is without a row in the registry, or false if no
// channel has the name.
func DefaultChannel(name string) (ChannelEntry, bool) {
	all := slices.Concat(usualChannels, moreChannels())
	i := slices.IndexFunc(all, func(e ChannelEntry) bool { return e.Channel == name })
	if i < 0 {
		return ChannelEntry{}, false
	}
	return all[i], true
}

// ProviderAlipay identifies users by an open_id or a user_id of Alipay.
const ProviderAlipay = "alipay"

// ProviderCentre is the centre itself. It identifies whoever signs in with a document and
// a password, on any channel; see SignIn.
const ProviderCentre = "centre"

// notifier is the provider of the messages in notifications.
const notifier = ProviderAlipay
