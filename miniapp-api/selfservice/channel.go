package selfservice

import "fundpass/store"

// A Channel names one outside protocol that citizens use. No rule depends on a channel's name.
type Channel string

// ChannelAlipay is the mini-program in Alipay.
const ChannelAlipay Channel = store.ChannelAlipay

// ChannelApp is the centre's own app.
const ChannelApp Channel = store.ChannelApp

// ChannelWebsite is the centre's pages in a browser.
const ChannelWebsite Channel = store.ChannelWebsite
