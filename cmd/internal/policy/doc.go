// Package policy looks at password policies: those built in, and files for FUNDPASS_POLICY_FILE.
package policy
