// Package keycmd makes, rotates and fetches keys and certificates, and says by them what a
// message of Alipay's is.
package keycmd
