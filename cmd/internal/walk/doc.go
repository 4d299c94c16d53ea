// Package walk exercises all procedures of a citizen against a running demo.
package walk
