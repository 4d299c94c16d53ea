// Package walk plays a citizen who goes the whole way against a running demo.
package walk
