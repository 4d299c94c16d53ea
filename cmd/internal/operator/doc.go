// Package operator contains the commands with which staff act on one account or person,
// and the record of these actions: unlock, issue-reset-code, export-person, erase-person,
// audit, retention.
package operator
