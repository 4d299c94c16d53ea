// Package terminal contains what all commands share: the streams and the environment of
// the process, tables, screens, a progress meter, the log and the exit statuses.
package terminal
