// Package operator contains the commands with which staff act on one account or person or on
// channels, and the record of these actions: unlock, issue-reset-code, export-person,
// erase-person, channel, audit, retention, restore.
package operator
