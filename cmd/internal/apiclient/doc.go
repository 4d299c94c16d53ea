// Package apiclient calls the API as the mini-program's pages do. The demo, the walk and
// the tests of commands use it to act as citizens.
package apiclient
