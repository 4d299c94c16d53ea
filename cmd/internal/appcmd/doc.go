// Package appcmd has the command app-client, the reference client of the app on the command
// line.
package appcmd
