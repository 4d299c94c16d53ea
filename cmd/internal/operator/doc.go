// Package operator has what staff do by hand about one account or person and about channels, and
// the record of it: unlock, issue-reset-code, export-person, erase-person, channel, audit,
// retention.
package operator
