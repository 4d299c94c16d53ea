// Package keycmd makes, rotates and fetches keys and certificates, lays new keys over stored
// hashes, and says what a message of Alipay is.
package keycmd
