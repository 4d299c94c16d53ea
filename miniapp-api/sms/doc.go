// Package sms sends short messages through a centre's gateway. A gateway is described by data: a
// request template, how it is signed, and what its answers mean. No gateway needs code.
package sms
