// Package operator has what staff do by hand about one account or person, and the record of it:
// unlock, issue-reset-code, export-person, erase-person, audit, retention.
package operator
