// Package apiclient calls the API as the page of the mini-program does: the demo, the walk
// and the tests of commands are citizens with it.
package apiclient
