package selfservice

import "fundpass/store"

// A Channel is one outside protocol through which citizens come. This is the registry: no
// rule names a channel.
type Channel string

// ChannelAlipay is the mini-program in Alipay.
const ChannelAlipay Channel = store.ChannelAlipay
