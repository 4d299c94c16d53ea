// Package terminal has what all families of commands share: the streams and the environment of
// the process, tables, a screen, a progress meter, the log and the exit statuses.
package terminal
