// Package keycmd creates, rotates and downloads keys and certificates, applies new pepper
// keys to stored hashes, and diagnoses messages of Alipay.
package keycmd
