// Package e2e tests fundpass from outside: it builds the program, starts and
// kills it, breaks the line to its database, and drives the mini-program in Node
// and in a browser. Everything here is a test; FUNDPASS_E2E=1 runs them.
package e2e
