package store

// This file is the registry of providers: no other file of the store names one.

// Providers say whose name for a citizen an Identity is.
const ProviderAlipay = "alipay"

// notifier is the provider whose messages notifications keeps.
const notifier = ProviderAlipay
