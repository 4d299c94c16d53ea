// Package demo runs everything on one machine: a private PostgreSQL, a simulated Alipay and
// the server of package serve, with invented people in it.
package demo
