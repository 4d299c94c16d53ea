// Package policy lists, shows, grades and tries password policies: the built-in ones and
// files for FUNDPASS_POLICY_FILE.
package policy
