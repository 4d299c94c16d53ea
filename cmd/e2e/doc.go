// Package e2e tests fundpass from outside: it builds the program, starts and kills it,
// interrupts its database connection, and drives the mini-program in Node and in a
// browser. It contains only tests, which run if FUNDPASS_E2E=1 is set.
package e2e
